import { cutText } from '../cut-text.ts';
import { describeError, isJimsError } from '../errors.ts';
import type { JimsError } from '../errors.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { ThreadContext } from '../thread/thread-context.ts';
import type { Execution, OutcomeRecord } from './execution.ts';
import type { RunEnd } from './run-events.ts';
import { failureOf, fenced, isCancel } from './run-failure.ts';
import type { FailedRun } from './run.ts';

const SETTLE_RETRY_MS = 1000;
const MAX_RECORDED = 4000;

/** Stores a run's end with what it sent; resolves with the stored events. Throws `lost` when it is fenced out. */
export async function finish(
  { store, owner, onNext, run, llm, rest }: Execution,
  outcome: OutcomeRecord,
): Promise<readonly ThreadEvent[]> {
  // One more than there are: the end itself.
  const lastSeq = run.stream.lastSeq + 1;
  const result = await store.finishRun(owner, {
    ...outcome,
    ...llm.used(),
    lastSeq,
    progress: rest(),
  });
  if (result.kind === 'fenced') throw fenced();
  if (result.next) onNext(result.next);
  return result.events;
}

/** Ends a run that was stopped or has failed. Never rejects. */
export async function endBadly(
  execution: Execution,
  context: ThreadContext | undefined,
  error: unknown,
): Promise<RunEnd> {
  const { run, logger, owner, request } = execution;
  const reason = run.stopReason;
  run.close();
  if (isCancel(reason)) {
    const seen = context?.seenEvents() ?? [];
    const recorded = { code: reason, message: 'The run was cancelled' };
    const settled = await settle(execution, { status: 'cancelled', events: seen, error: recorded });
    if (settled === 'fenced') return { type: 'error', error: fenced() };
    return { type: 'cancelled', reason, events: settled };
  }
  const failure = failureOf(reason, error);
  const { code, message } = failure;
  const who = { requestId: request.requestId, runId: owner.runId, threadId: owner.threadId };
  const { trace } = run;
  const line = { ...who, ...(trace && { traceId: trace.traceId }), error: describeError(error) };
  logger.error(line, `run failed: ${code}`);
  report(execution, failure, { ...who, ...(trace && { trace }) });
  const kept = { code, message: cutText(message, MAX_RECORDED) };
  const recorded = { status: 'failed', events: [], error: kept } as const;
  const settled = await settle(execution, recorded);
  return { type: 'error', error: settled === 'fenced' ? fenced() : failure };
}

/** Who reports failures must not keep a run from its end by one of his own. */
function report({ onRunFailed, logger }: Execution, failure: JimsError, who: FailedRun): void {
  try {
    onRunFailed?.(failure, who);
  } catch (error) {
    logger.error({ ...who, error: describeError(error) }, 'cannot report a failed run');
  }
}

/**
 * Frees the thread after a bad end, and resolves with what was stored; with `fenced` when the run was
 * not this process's to end any more, and so has ended otherwise. When the database is away
 * this goes on behind the answer, until the run is ended or found to be ended: while this process
 * lives nobody else would do it.
 */
async function settle(
  execution: Execution,
  outcome: OutcomeRecord,
): Promise<readonly ThreadEvent[] | 'fenced'> {
  try {
    return await finish(execution, outcome);
  } catch (error) {
    if (isJimsError(error) && error.code === 'lost') return 'fenced';
    execution.logger.warn({ error: describeError(error) }, 'cannot end a failed run yet');
    setTimeout(() => void settle(execution, outcome), SETTLE_RETRY_MS).unref();
    return [];
  }
}
