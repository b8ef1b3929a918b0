import { setTimeout as sleep } from 'node:timers/promises';

import { describeError, isJimsError } from '../errors/jims-error.ts';
import type { JimsError } from '../errors/jims-error.ts';
import type { ThreadContext } from '../pipeline/thread-context.ts';
import type { FinishResult, RunOutcomeRecord } from '../store/store.ts';
import { cutText } from '../text/clean-text.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { Execution, OutcomeRecord } from './execution.ts';
import { pauseAfter } from './outage.ts';
import type { RunEnd } from './run-events.ts';
import { erased, failureOf, fenced, isCancel, isFence } from './run-failure.ts';
import type { FailedRun } from './run.ts';
import { endOfRecord } from './stored-run.ts';

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 10_000;
const MAX_RECORDED = 4000;

/** Stores a run's end with what it sent; resolves with the stored events. Throws a fence when it is fenced out. */
export async function finish(
  execution: Execution,
  outcome: OutcomeRecord,
): Promise<readonly ThreadEvent[]> {
  const result = await finishSurely(execution, recordOf(execution, outcome));
  return eventsOf(execution, result);
}

/** Ends a run that was stopped or has failed. Never rejects. */
export async function endBadly(
  execution: Execution,
  context: ThreadContext | undefined,
  error: unknown,
): Promise<RunEnd> {
  const { run } = execution;
  const reason = run.stopReason;
  run.close();
  const end = await endHere(execution, context, error);
  if (end.type === 'error' && !isCancel(reason)) logFailure(execution, end.error, error);
  return end;
}

async function endHere(
  execution: Execution,
  context: ThreadContext | undefined,
  error: unknown,
): Promise<RunEnd> {
  const reason = execution.run.stopReason;
  if (isCancel(reason)) {
    const events = context?.seenEvents() ?? [];
    const recorded = { code: reason, message: CANCELLED[reason] };
    const settled = await settle(execution, { status: 'cancelled', events, error: recorded });
    if (settled === 'fenced') return endElsewhere(execution);
    return { type: 'cancelled', reason, events: settled };
  }
  const failure = failureOf(reason, error);
  const { code, message } = failure;
  const kept = { code, message: cutText(message, MAX_RECORDED) };
  const settled = await settle(execution, { status: 'failed', events: [], error: kept });
  return settled === 'fenced' ? endElsewhere(execution) : { type: 'error', error: failure };
}

const CANCELLED = {
  cancelled: 'The run was cancelled',
  interrupted: 'A newer message took the place of the run',
  disconnected: 'The run was cancelled, as its client left',
  shutting_down: 'The run was cancelled, as its process ended',
} as const;

/** How a run ended that is not this process's to end any more: perhaps by this process, which did not learn so. */
async function endElsewhere({ store, owner }: Execution): Promise<RunEnd> {
  try {
    const record = await store.run(owner.runId);
    if (!record) return { type: 'error', error: erased(owner.threadId) };
    const isOwn = record.attempt === owner.attempt && record.instanceId === owner.instanceId;
    const end = isOwn ? endOfRecord(record) : undefined;
    return end ?? { type: 'error', error: fenced() };
  } catch (error) {
    return { type: 'error', error: isJimsError(error) ? error : fenced() };
  }
}

function logFailure(execution: Execution, failure: JimsError, thrown: unknown): void {
  const { logger, owner, request, run } = execution;
  const { trace } = run;
  const who = { requestId: request.requestId, runId: owner.runId, threadId: owner.threadId };
  if (failure.code === 'thread_not_found') {
    logger.info(who, 'a run ended, as its thread was erased');
    return;
  }
  const line = { ...who, ...(trace && { traceId: trace.traceId }), error: describeError(thrown) };
  logger.error(line, `run failed: ${failure.code}`);
  report(execution, failure, { ...who, ...(trace && { trace }) });
}

/** What reports failures must not keep a run from its end by a failure of its own. */
function report({ onRunFailed, logger }: Execution, failure: JimsError, who: FailedRun): void {
  try {
    onRunFailed?.(failure, who);
  } catch (error) {
    logger.error({ ...who, error: describeError(error) }, 'cannot report a failed run');
  }
}

function recordOf({ run, llm, rest }: Execution, outcome: OutcomeRecord): RunOutcomeRecord {
  // One more than there are: the end itself.
  const lastSeq = run.stream.lastSeq + 1;
  return { ...outcome, ...llm.used(), lastSeq, progress: rest() };
}

/**
 * Tries once more when the database did not answer: the outcome may have been stored, and the store
 * knows it again by the run, its attempt and what was to be stored.
 */
async function finishSurely(
  { store, owner }: Execution,
  record: RunOutcomeRecord,
): Promise<FinishResult> {
  try {
    return await store.finishRun(owner, record);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    return store.finishRun(owner, record);
  }
}

function eventsOf({ onNext }: Execution, result: FinishResult): readonly ThreadEvent[] {
  if (result.kind === 'fenced') throw fenced();
  if (result.next) onNext(result.next);
  return result.events;
}

/**
 * Frees the thread after a bad end, and resolves with what was stored; with `fenced` when the run was
 * not this process's to end any more, and so has ended otherwise. When the database is away this goes
 * on after the answer, until the run is ended or found to be ended, or the app is closed: while this
 * process lives nobody else would do it.
 */
async function settle(
  execution: Execution,
  outcome: OutcomeRecord,
): Promise<readonly ThreadEvent[] | 'fenced'> {
  const record = recordOf(execution, outcome);
  try {
    return eventsOf(execution, await finishSurely(execution, record));
  } catch (error) {
    if (isFence(error)) return 'fenced';
    execution.endings.failed(error);
    void settleLater(execution, record);
    return [];
  }
}

async function settleLater(execution: Execution, record: RunOutcomeRecord): Promise<void> {
  const { closing: signal, endings } = execution;
  for (let failures = 0; ; failures++) {
    const pause = pauseAfter(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
    await sleep(pause, undefined, { ref: false, signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      eventsOf(execution, await execution.store.finishRun(execution.owner, record));
      endings.worked();
      return;
    } catch (error) {
      if (isFence(error)) return;
      endings.failed(error);
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return isJimsError(error) && error.code === 'store_unavailable';
}
