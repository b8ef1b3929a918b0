import { isDeepStrictEqual } from 'node:util';

import { withoutCodeChange } from '../run/run-failure.ts';
import type { RunOutcomeRecord, RunRecord } from '../store/store.ts';
import type { NewEvent } from '../thread/event.ts';

/**
 * Says what a second execution of a run came to that its first one did not come to: what is different each
 * time belongs into a step. `undefined` when both came to the same.
 */
export function differenceOf(first: RunOutcomeRecord, second: RunRecord): string | undefined {
  if (second.error) {
    return `The run failed when it was executed again: ${withoutCodeChange(second.error.message)}`;
  }
  const [before, after] = [first.events.map(plain), second.events.map(plain)];
  for (let n = 0; n < Math.max(before.length, after.length); n++) {
    if (isDeepStrictEqual(before[n], after[n])) continue;
    return `Event ${n + 1} was ${shownEvent(first.events[n])}, and ${shownEvent(second.events[n])} when the run was executed again: what is different each time belongs into a step`;
  }
  const [asked, askedAgain] = [questionOf(first.question), questionOf(second.question)];
  if (isDeepStrictEqual(asked, askedAgain)) return undefined;
  return `The question was ${shown(asked)}, and ${shown(askedAgain)} when the run was executed again: what is different each time belongs into a step`;
}

function plain({ id, type, data }: Pick<NewEvent, 'id' | 'type' | 'data'>): object {
  return { id, type, data };
}

type Question = NonNullable<RunOutcomeRecord['question'] | RunRecord['question']>;

function questionOf(question: Question | undefined): object | undefined {
  if (!question) return undefined;
  const { questionId, audience, name, text, data, schema, buttons } = question;
  return JSON.parse(JSON.stringify({ questionId, audience, name, text, data, schema, buttons }));
}

function shownEvent(event: Pick<NewEvent, 'type' | 'data'> | undefined): string {
  return event ? `${event.type} ${JSON.stringify(event.data)}` : 'missing';
}

function shown(value: object | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
