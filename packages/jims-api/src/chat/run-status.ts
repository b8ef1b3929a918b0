import type { RunRecord, RunStatus } from 'jims-core';

/** How a run stands. One that is withdrawn while it waits is over, though its place in line is still to come. */
export function statusOf({ status, withdrawnAs }: RunRecord): RunStatus {
  return withdrawnAs ?? status;
}

export function isActive(status: RunStatus | undefined): status is 'queued' | 'running' {
  return status === 'queued' || status === 'running';
}
