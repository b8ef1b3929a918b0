import type { NewEvent } from '../../thread/event.ts';
import type { RunOutcomeRecord, StartedRun } from '../store.ts';
import { fromHex, parseStoredObject } from './columns.ts';

/** A run that waits or runs, as far as the store needs it to start or to end it. */
export interface ActiveRun extends StartedRun {
  readonly threadId: string;
  readonly attempt: number;
  readonly status: 'queued' | 'running';
  readonly cancelRequested: boolean;
  readonly durable: boolean;
  readonly chainId: string;
  /** The question that it answers. */
  readonly continues: string | undefined;
  readonly recoveries: number;
  /** How it ends when its turn comes, if nobody waits for it any more. */
  readonly withdrawn: Withdrawal | undefined;
  /** The incoming event, while it is not in the log yet. */
  readonly unstored: NewEvent | undefined;
}

/** How a queued run ends when its turn comes, because nobody waits for it any more. */
export type Withdrawal = Omit<RunOutcomeRecord, 'events'>;

export type ActiveRow = readonly [
  runId: string,
  threadId: string,
  instanceId: string,
  attempt: number,
  status: 'queued' | 'running',
  cancelRequested: number,
  durable: number,
  chainId: string | null,
  continues: string | null,
  recoveries: number,
  withdrawn: string | null,
  incomingType: string | null,
  incomingData: string | null,
];

/** The columns of an {@link ActiveRow}. */
export const ACTIVE = `r.run_id, r.thread_id, r.instance_id, r.attempt, r.status, r.cancel_requested,
       r.durable, r.chain_id, r.continues, r.recoveries, r.withdrawn, r.incoming_type, r.incoming_data`;

export function toActive(row: ActiveRow): ActiveRun {
  const runId = fromHex(row[0]);
  const [, threadId, instanceId, attempt, status, cancelRequested, durable] = row;
  const [, , , , , , , chainId, continues, recoveries, withdrawn, type, data] = row;
  return {
    runId,
    threadId: fromHex(threadId),
    instanceId,
    attempt,
    status,
    cancelRequested: cancelRequested === 1,
    durable: durable === 1,
    chainId: chainId === null ? runId : fromHex(chainId),
    continues: continues === null ? undefined : fromHex(continues),
    recoveries,
    withdrawn: withdrawn === null ? undefined : (JSON.parse(withdrawn) as Withdrawal),
    unstored: type === null ? undefined : { id: runId, type, data: parseStoredObject(data) },
  };
}
