// What the entries of a trace have in common.
import * as v from 'valibot';

export const time = v.pipe(v.string(), v.description('UTC, with microseconds'));

/** What every entry has. */
export const moment = {
  at: v.pipe(time, v.description('When it began')),
  ms: v.pipe(
    v.nullable(v.number()),
    v.description('How long it took; null while it goes on, 0 for a moment'),
  ),
};

export const text = v.pipe(
  v.string(),
  v.description('A long one is cut, and says at its end how many characters are missing'),
);
export const failure = v.pipe(v.nullable(v.string()), v.description('Why it failed'));
export const workStatus = v.picklist(['running', 'completed', 'failed']);
export const replayed = v.pipe(
  v.boolean(),
  v.description('Whether its result is that of an earlier attempt, so that nothing was done'),
);
/** What a step or a tool got and gave: a large value is the beginning of its JSON, as text. */
export const value = v.optional(v.unknown());
