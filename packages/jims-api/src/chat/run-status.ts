import type { QuestionRecord, RunRecord, RunStatus } from 'jims-core';

/** The status of a run. A run that is withdrawn while it waits is over, although it is still in the queue. */
export function statusOf({
  status,
  withdrawnAs,
}: Pick<RunRecord, 'status'> & Partial<Pick<RunRecord, 'withdrawnAs'>>): RunStatus {
  return withdrawnAs ?? status;
}

/** Whether a run with this status is not over. */
export function isActive(status: RunStatus | undefined): status is 'queued' | 'running' {
  return status === 'queued' || status === 'running';
}

/** How a run that asked a question stands. */
export type AskedStatus = 'waiting' | 'completed' | 'cancelled';

/**
 * The status of a completed run that asked: it waits as long as its question is open, and is cancelled
 * with a question that is withdrawn.
 */
export function askedStatusOf({ state }: Pick<QuestionRecord, 'state'>): AskedStatus {
  if (state === 'open') return 'waiting';
  return state === 'withdrawn' ? 'cancelled' : 'completed';
}
