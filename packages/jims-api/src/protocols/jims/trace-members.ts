// What the entries of a trace have in common.
import * as v from 'valibot';

import { described } from '../../http/schema.ts';

export const time = described(v.string(), 'UTC, with microseconds');

/** What every entry has. */
export const moment = {
  at: described(time, 'When it began'),
  ms: described(v.nullable(v.number()), 'How long it took; null while it goes on, 0 for a moment'),
};

export const text = described(
  v.string(),
  'A long one is cut, and says at its end how many characters are missing',
);
export const failure = described(v.nullable(v.string()), 'Why it failed');
export const workStatus = v.picklist(['running', 'completed', 'failed']);
export const replayed = described(
  v.boolean(),
  'Whether its result is that of an earlier attempt, so that nothing was done',
);
/** What a step or a tool got and gave: a large value is the beginning of its JSON, as text. */
export const value = v.optional(v.unknown());
