import { callPipeline, pipelineName } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ThreadContext } from '../pipeline/thread-context.ts';
import type { ThreadLog } from '../pipeline/thread-log.ts';
import { withRunSpan } from '../telemetry/tracing.ts';
import type { TraceIds } from '../telemetry/tracing.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { endBadly, finish } from './end-run.ts';
import type { Execution } from './execution.ts';
import { SEQ_OF_LOST_END } from './run-events.ts';
import type { RunEnd } from './run-events.ts';
import { fenced, isCancel } from './run-failure.ts';

/** Takes an accepted run to its end. Never rejects: however it ends, its listeners are told. */
export async function executeRun(execution: Execution): Promise<RunEnd> {
  const { run, limits, request } = execution;
  const timeoutMs = Math.min(request.timeoutMs ?? limits.timeoutMs, limits.timeoutMs);
  const began = performance.now();
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
  execution.llm.end();
  pushEnd(execution, end);
  logEnd(execution, end, performance.now() - began);
  return end;
}

function pushEnd({ run: { stream } }: Execution, end: RunEnd): void {
  const isLost = end.type === 'error' && end.error.code === 'lost';
  const seq = isLost ? SEQ_OF_LOST_END : stream.lastSeq + 1;
  stream.pushNumbered({ ...end, attempt: stream.attempt, seq });
}

/** One line for each run; of one that failed, `endBadly` has logged more. */
function logEnd({ logger, owner, run, request }: Execution, end: RunEnd, ms: number): void {
  if (end.type === 'error') return;
  const fields = {
    requestId: request.requestId,
    runId: owner.runId,
    threadId: owner.threadId,
    attempt: owner.attempt,
    ...(run.trace && { traceId: run.trace.traceId }),
    ms: Math.round(ms * 10) / 10,
    ...(end.type === 'cancelled' && { reason: end.reason }),
  };
  logger.info(fields, end.type === 'result' ? 'run completed' : 'run cancelled');
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
  return question ? log.withLast(question) : log;
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

async function attend(
  { run, owner, request }: Execution,
  pipeline: Pipeline,
  ctx: ThreadContext,
): Promise<void> {
  const { runId, threadId, attempt } = owner;
  const span = {
    runId,
    threadId,
    attempt,
    requestId: request.requestId,
    pipeline: pipelineName(pipeline),
    isCancelled: () => isCancel(run.stopReason),
    onRecorded: (ids: TraceIds) => void (run.trace = ids),
  };
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
