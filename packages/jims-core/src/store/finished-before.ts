import type { FinishResult, RunOutcomeRecord, RunOwner, RunRecord } from './store.ts';

/**
 * The result of `finishRun` for a run that is over. A process that did not get the answer asks again: when
 * this owner ended the run with this very outcome, it gets the events. Otherwise it is `fenced`. The run
 * that was started next knows that by now, so it is left out.
 */
export function finishedBefore(
  record: RunRecord | undefined,
  owner: RunOwner,
  outcome: RunOutcomeRecord,
): FinishResult {
  if (!record || !isSameEnd(record, owner, outcome)) return { kind: 'fenced' };
  return { kind: 'finished', events: record.events, next: undefined };
}

function isSameEnd(
  { attempt, instanceId, status, events, error, lastSeq, question }: RunRecord,
  owner: RunOwner,
  outcome: RunOutcomeRecord,
): boolean {
  return (
    attempt === owner.attempt &&
    instanceId === owner.instanceId &&
    status === outcome.status &&
    error?.code === outcome.error?.code &&
    lastSeq === outcome.lastSeq &&
    question?.questionId === outcome.question?.questionId &&
    events.length === outcome.events.length &&
    events.every(({ id }, index) => id === outcome.events[index]?.id)
  );
}
