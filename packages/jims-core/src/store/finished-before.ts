import type { FinishResult, RunOutcomeRecord, RunOwner, RunRecord } from './store.ts';

/**
 * What `finishRun` gives for a run that is over: the events, when it was ended by this owner with this
 * very outcome, as a process does that did not get the answer; else it is fenced. What was started
 * next knows that by now.
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
  { attempt, instanceId, status, events, error, lastSeq }: RunRecord,
  owner: RunOwner,
  outcome: RunOutcomeRecord,
): boolean {
  return (
    attempt === owner.attempt &&
    instanceId === owner.instanceId &&
    status === outcome.status &&
    error?.code === outcome.error?.code &&
    lastSeq === outcome.lastSeq &&
    events.length === outcome.events.length &&
    events.every(({ id }, index) => id === outcome.events[index]?.id)
  );
}
