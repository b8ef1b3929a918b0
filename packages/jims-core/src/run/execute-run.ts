import { JimsError, describeError, isJimsError } from '../errors.ts';
import { callPipeline, pipelineName } from '../pipeline.ts';
import type { Pipeline } from '../pipeline.ts';
import type { AcceptedRun, RunOutcomeRecord, RunOwner } from '../store/store.ts';
import { withRunSpan } from '../telemetry/tracing.ts';
import { eventDomain } from '../thread/event.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { ThreadContext } from '../thread/thread-context.ts';
import type { EventCache } from './event-cache.ts';
import type { LiveRun } from './live-run.ts';
import type { RunEngineOptions } from './run-engine.ts';
import type { RunEnd } from './run-events.ts';
import type { RunRequest } from './run.ts';
import type { Turns } from './turns.ts';

export interface Execution extends RunEngineOptions {
  readonly run: LiveRun;
  readonly owner: RunOwner;
  readonly request: RunRequest;
  readonly accepted: AcceptedRun;
  /** Resolves when a queued run may begin. */
  readonly turn: Promise<void>;
  readonly turns: Turns;
  readonly events: EventCache;
}

const SETTLE_RETRY_MS = 1000;

/** Takes an accepted run to its end. Never rejects: however it ends, its listeners are told. */
export async function executeRun(execution: Execution): Promise<void> {
  const { run, limits } = execution;
  const deadline = setTimeout(() => run.stop('deadline'), limits.timeoutMs);
  let context: ThreadContext | undefined;
  let end: RunEnd;
  try {
    await waitForTurn(execution);
    deadline.refresh();
    const startEvents = await runConversationStart(execution);
    context = await createContext(execution);
    const events = await runPipeline(execution, context);
    end = { type: 'result', result: { startEvents, events } };
  } catch (error) {
    end = await endBadly(execution, context, error);
  }
  clearTimeout(deadline);
  run.close();
  run.stream.finish(end);
}

async function waitForTurn({ accepted, run, turn }: Execution): Promise<void> {
  if (accepted.status === 'running') return;
  const stopped = Promise.withResolvers<never>();
  run.signal.addEventListener('abort', () => stopped.reject(run.signal.reason), { once: true });
  await Promise.race([turn, stopped.promise]);
}

/** Runs the conversation-start pipeline of a new thread: its events come before the question. */
async function runConversationStart(execution: Execution): Promise<readonly ThreadEvent[]> {
  const { request, accepted, conversationStartPipeline: pipeline, store, owner } = execution;
  if (!request.conversationStart || !accepted.createdThread || !pipeline) return [];
  const context = await createContext(execution);
  return observed(execution, pipeline, async () => {
    await attend(execution, pipeline, context);
    const sent = context.outgoingEvents;
    const appended = await store.appendInRun(owner, sent);
    if (appended === 'fenced') throw fenced();
    return appended.slice(0, sent.length);
  });
}

async function createContext({ accepted, events, run }: Execution): Promise<ThreadContext> {
  return new ThreadContext({
    thread: accepted.thread,
    events: await events.load(accepted.thread, accepted.fresh),
    output: run.output,
    signal: run.signal,
    runId: run.id,
  });
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
    const status = run.stopReason === 'cancelled' ? 'cancelled' : 'failure';
    metrics.observeRun(name, status, seconds());
    throw error;
  }
}

async function finish(
  { store, owner, turns }: Execution,
  outcome: RunOutcomeRecord,
): Promise<readonly ThreadEvent[]> {
  const result = await store.finishRun(owner, outcome);
  if (result.kind === 'fenced') throw fenced();
  if (result.next) turns.started(result.next.runId);
  return result.events;
}

async function endBadly(
  execution: Execution,
  context: ThreadContext | undefined,
  error: unknown,
): Promise<RunEnd> {
  const { run, logger, owner, request } = execution;
  run.close();
  const end = endOf(run, error);
  if (end.type === 'error') {
    const who = { requestId: request.requestId, runId: owner.runId, threadId: owner.threadId };
    logger.error({ ...who, error: describeError(error) }, `run failed: ${end.error.code}`);
  }
  await settle(execution, outcomeOf(end, context));
  return end;
}

function endOf(run: LiveRun, error: unknown): RunEnd & { type: 'error' | 'cancelled' } {
  switch (run.stopReason) {
    case 'cancelled':
      return { type: 'cancelled' };
    case 'deadline':
      return failed(new JimsError('deadline', 'The run took longer than it may'));
    case 'shutting_down':
      return failed(
        new JimsError('shutting_down', 'The service was shut down before the run was done'),
      );
    case 'lost':
      return failed(fenced());
    case undefined:
      return failed(
        isOurs(error)
          ? error
          : new JimsError('pipeline_failed', 'Pipeline error', { cause: error }),
      );
  }
}

function failed(error: JimsError): RunEnd & { type: 'error' } {
  return { type: 'error', error };
}

/** The engine's own errors; what a pipeline throws is its own failure, a JimsError or not. */
function isOurs(error: unknown): error is JimsError {
  return isJimsError(error) && (error.code === 'lost' || error.code === 'store_unavailable');
}

/** A failed run leaves its question alone; a cancelled one keeps what the user saw, too. */
function outcomeOf(
  end: RunEnd & { type: 'error' | 'cancelled' },
  context: ThreadContext | undefined,
): RunOutcomeRecord {
  if (end.type === 'error') {
    const { code, message } = end.error;
    return { status: 'failed', events: [], error: { code, message } };
  }
  const seen = context?.outgoingEvents.filter((event) => eventDomain(event.type) === 'comm') ?? [];
  return { status: 'cancelled', events: seen };
}

/**
 * Frees the thread after a failure. When the database is away this goes on behind the answer, until
 * the run is ended or found to be ended: while this process lives nobody else would do it.
 */
async function settle(execution: Execution, outcome: RunOutcomeRecord): Promise<void> {
  try {
    await finish(execution, outcome);
  } catch (error) {
    if (isJimsError(error) && error.code === 'lost') return;
    execution.logger.warn({ error: describeError(error) }, 'cannot end a failed run yet');
    setTimeout(() => void settle(execution, outcome), SETTLE_RETRY_MS).unref();
  }
}

function fenced(): JimsError {
  return new JimsError('lost', 'The run is no longer this process’s: nothing of it was stored');
}
