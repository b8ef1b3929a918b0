import { JimsError } from '../errors/jims-error.ts';
import type { JimsErrorCode } from '../errors/jims-error.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { threadBusy, threadNotFound } from '../store/refusals.ts';
import type { AcceptRequest, AcceptResult } from '../store/store.ts';
import type { RunLimits, RunRequest } from './run.ts';

/** What of the engine decides how a run is accepted. */
export interface AcceptTerms {
  readonly runId: string;
  readonly instanceId: string;
  readonly limits: RunLimits;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly known: AcceptRequest['known'] | undefined;
}

/** A request as the store takes it. */
export function acceptRequest(
  { thread, incoming, conversationStart = false, onBusy, idempotency }: RunRequest,
  { runId, instanceId, limits, conversationStartPipeline, known }: AcceptTerms,
): AcceptRequest {
  return {
    runId,
    instanceId,
    thread,
    onBusy: onBusy ?? limits.onBusy,
    queueLimit: limits.queueLimit,
    holdIncomingOnNewThread: conversationStart && conversationStartPipeline !== undefined,
    ...(incoming && { incoming }),
    ...(idempotency && { idempotency: { ...idempotency, ttlMs: limits.idempotencyTtlMs } }),
    ...(known && { known }),
  };
}

type Refusal = Exclude<AcceptResult['kind'], 'accepted' | 'existing'>;

/** What the metrics count as a refusal of this package; see `Metrics.countRefusal`. */
export const CORE_REFUSALS: readonly JimsErrorCode[] = [
  'overloaded',
  'too_many_runs',
  'shutting_down',
  'queue_full',
  'thread_busy',
  'thread_not_found',
  'key_reused',
];

export function refusal(kind: Refusal, { thread }: RunRequest): JimsError {
  switch (kind) {
    case 'thread_not_found': {
      const id = thread.kind === 'thread' ? thread.threadId : '';
      return threadNotFound(id);
    }
    case 'thread_moved':
      return new JimsError(kind, 'The thread went on, or another one took over from it, meanwhile');
    case 'thread_busy':
      return threadBusy();
    case 'queue_full':
      return new JimsError(kind, 'Too many messages wait in this thread: try again later');
    case 'key_reused':
      return new JimsError(kind, 'The idempotency key was used for another request: use a new one');
  }
}
