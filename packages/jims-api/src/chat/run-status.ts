import type { RunRecord, RunStatus } from 'jims-core';

/** The status of a run. A run that is withdrawn while it waits is over, although it is still in the queue. */
export function statusOf({ status, withdrawnAs }: RunRecord): RunStatus {
  return withdrawnAs ?? status;
}

/** Whether a run with this status is not over. */
export function isActive(status: RunStatus | undefined): status is 'queued' | 'running' {
  return status === 'queued' || status === 'running';
}
