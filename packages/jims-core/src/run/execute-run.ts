import { JimsError, describeError, isJimsError } from '../errors.ts';
import type { RunLlm } from '../llm/run-llm.ts';
import { callPipeline, pipelineName } from '../pipeline.ts';
import type { Pipeline } from '../pipeline.ts';
import type {
  AcceptedRun,
  RunOutcomeRecord,
  RunOwner,
  RunProgress,
  StartedRun,
} from '../store/store.ts';
import { withRunSpan } from '../telemetry/tracing.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { ThreadContext } from '../thread/thread-context.ts';
import { ThreadLog } from '../thread/thread-log.ts';
import type { EventCache } from './event-cache.ts';
import type { LiveRun, StopReason } from './live-run.ts';
import type { RunEngineOptions } from './run-engine.ts';
import type { CancelReason, RunEnd } from './run-events.ts';
import type { FailedRun, RunRequest } from './run.ts';

export interface Execution extends RunEngineOptions {
  readonly run: LiveRun;
  readonly owner: RunOwner;
  readonly request: RunRequest;
  readonly accepted: AcceptedRun;
  /** Resolves when a queued run may begin. */
  readonly turn: Promise<void>;
  readonly events: EventCache;
  readonly llm: RunLlm;
  /** What the run has told and the store does not know yet. */
  readonly rest: () => readonly RunProgress[];
  readonly onTurn: () => void;
  /** This run is over, and the next in line was started. */
  readonly onNext: (next: StartedRun) => void;
}

type OutcomeRecord = Omit<RunOutcomeRecord, 'lastSeq' | 'progress'>;

const SETTLE_RETRY_MS = 1000;

/** Takes an accepted run to its end. Never rejects: however it ends, its listeners are told. */
export async function executeRun(execution: Execution): Promise<RunEnd> {
  const { run, limits, request } = execution;
  const timeoutMs = Math.min(request.timeoutMs ?? limits.timeoutMs, limits.timeoutMs);
  const deadline = setTimeout(() => run.stop('deadline'), timeoutMs);
  const contexts: ThreadContext[] = [];
  let end: RunEnd;
  try {
    await waitForTurn(execution);
    deadline.refresh();
    const startEvents = await runConversationStart(execution, contexts);
    const context = await createContext(execution);
    contexts[0] = context;
    const events = await runPipeline(execution, context);
    end = { type: 'result', result: { startEvents, events, ...execution.llm.used() } };
  } catch (error) {
    end = await endBadly(execution, contexts[0], error);
  }
  clearTimeout(deadline);
  run.close();
  run.stream.push(end);
  return end;
}

async function waitForTurn({ accepted, run, turn, onTurn }: Execution): Promise<void> {
  if (accepted.status === 'running') return;
  const stopped = Promise.withResolvers<never>();
  run.signal.addEventListener('abort', () => stopped.reject(run.signal.reason), { once: true });
  if (run.signal.aborted) stopped.reject(run.signal.reason);
  await Promise.race([turn, stopped.promise]);
  // It may have been given its turn on the way to being stopped.
  run.signal.throwIfAborted();
  onTurn();
}

/**
 * Runs the conversation-start pipeline of a new thread: its events come before the question. Leaves
 * its context in `contexts` while it runs.
 */
async function runConversationStart(
  execution: Execution,
  contexts: ThreadContext[],
): Promise<readonly ThreadEvent[]> {
  const { request, accepted, conversationStartPipeline: pipeline, store, owner } = execution;
  if (!request.conversationStart || !accepted.createdThread || !pipeline) return [];
  if (accepted.started) return [];
  const context = await createContext(execution);
  contexts[0] = context;
  return observed(execution, pipeline, async () => {
    await attend(execution, pipeline, context);
    const sent = context.outgoingEvents;
    const appended = await store.appendInRun(owner, sent);
    if (appended === 'fenced') throw fenced();
    return appended.slice(0, sent.length);
  });
}

async function createContext({
  accepted,
  events,
  run,
  request,
  llm,
}: Execution): Promise<ThreadContext> {
  const { thread, fresh, attempt, runId } = accepted;
  const log = await events.load(thread, fresh);
  return new ThreadContext({
    thread,
    log: attempt > 1 ? withQuestionLast(log, runId) : log,
    output: run.output,
    signal: run.signal,
    runId,
    principal: request.principal,
    llm: llm.get,
  });
}

/** Others may have talked since a lost run's question was stored; it is to answer its own one. */
function withQuestionLast(log: ThreadLog, runId: string): ThreadLog {
  const question = log.findLast((event) => event.id === runId);
  return question
    ? new ThreadLog([...log.events.filter((event) => event !== question), question])
    : log;
}

function runPipeline(
  execution: Execution,
  context: ThreadContext,
): Promise<readonly ThreadEvent[]> {
  const { request, run } = execution;
  const pipeline = request.pipeline ?? execution.pipeline;
  return observed(execution, pipeline, async () => {
    await attend(execution, pipeline, context);
    run.close();
    return finish(execution, { status: 'completed', events: context.outgoingEvents });
  });
}

async function attend({ run }: Execution, pipeline: Pipeline, ctx: ThreadContext): Promise<void> {
  const span = { threadId: ctx.threadId, pipeline: pipelineName(pipeline) };
  await run.attend(() => withRunSpan(span, () => callPipeline(pipeline, ctx)));
  run.signal.throwIfAborted();
}

/** Counts what the client gets: a run whose events could not be stored is a failure. */
async function observed<T>(
  { metrics, run }: Execution,
  pipeline: Pipeline,
  work: () => Promise<T>,
): Promise<T> {
  const name = pipelineName(pipeline);
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    const value = await work();
    metrics.observeRun(name, 'success', seconds());
    return value;
  } catch (error) {
    const status = isCancel(run.stopReason) ? 'cancelled' : 'failure';
    metrics.observeRun(name, status, seconds());
    throw error;
  }
}

async function finish(
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

async function endBadly(
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
  logger.error({ ...who, error: describeError(error) }, `run failed: ${code}`);
  report(execution, failure, who);
  const recorded = { status: 'failed', events: [], error: { code, message } } as const;
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

function isCancel(reason: StopReason | undefined): reason is CancelReason {
  return reason !== undefined && reason !== 'deadline' && reason !== 'lost';
}

function failureOf(reason: 'deadline' | 'lost' | undefined, error: unknown): JimsError {
  switch (reason) {
    case 'deadline':
      return new JimsError('deadline', 'The run took longer than it may');
    case 'lost':
      return fenced();
    case undefined:
      return isOurs(error)
        ? error
        : new JimsError('pipeline_failed', 'Pipeline error', { cause: error });
  }
}

/** The engine's own errors; what a pipeline throws is its own failure, a JimsError or not. */
function isOurs(error: unknown): error is JimsError {
  return isJimsError(error) && (error.code === 'lost' || error.code === 'store_unavailable');
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

function fenced(): JimsError {
  return new JimsError('lost', 'The run is no longer this process’s: nothing of it was stored');
}
