import { describeError } from '../errors/jims-error.ts';
import type { JimsError } from '../errors/jims-error.ts';
import type { CallUsage } from '../llm/usage.ts';
import { pipelineName } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { RunOwner } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { withRunSpan } from '../telemetry/tracing.ts';
import type { TraceIds } from '../telemetry/tracing.ts';
import type { RunEnd } from './run-events.ts';
import type { FailedRun, RunRequest } from './run.ts';
import { isCancel } from './stop-switch.ts';
import type { StopSwitch } from './stop-switch.ts';
import type { RunTracer } from './trace/run-tracer.ts';
import type { RunFailure, Traces } from './trace/traces.ts';

/** Where reports of runs go. */
export interface ReportTarget {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The option `onRunFailed` of `app.open`. */
  readonly onRunFailed: ((error: JimsError, run: FailedRun) => void) | undefined;
  /** Where runs are traced; `undefined` where they are not. */
  readonly traces: Traces | undefined;
}

/** What log, metrics, spans and the trace say of one attempt of a run. */
export class RunReport {
  readonly #target: ReportTarget;
  readonly #owner: RunOwner;
  readonly #requestId: string | undefined;
  readonly #stop: StopSwitch;
  readonly #acceptedAt = performance.now();
  /** The span of its pipeline, while spans are recorded. */
  #trace: TraceIds | undefined;
  /** Only where runs are traced. */
  readonly tracer: RunTracer | undefined;
  #failure: RunFailure | undefined;

  constructor(
    target: ReportTarget,
    owner: RunOwner,
    requestId: string | undefined,
    stop: StopSwitch,
  ) {
    this.#target = target;
    this.#owner = owner;
    this.#requestId = requestId;
    this.#stop = stop;
    this.tracer = target.traces?.begin(owner);
  }

  /** Waits for the run's turn. */
  async queued(turn: Promise<void>): Promise<void> {
    this.tracer?.waits();
    await turn;
    this.tracer?.runs();
  }

  /** An answer of a model to the pipeline. */
  modelAnswered(usage: CallUsage): void {
    const { metrics, logger } = this.#target;
    metrics.observeModel(usage);
    const { runId, threadId } = this.#owner;
    logger.debug({ requestId: this.#requestId, runId, threadId, ...usage }, 'model answered');
  }

  /** A tool threw, or was called with arguments that do not fit: the model gets the message, and nobody else learns of it. */
  readonly onToolFailed = (tool: string, thrown: unknown): void => {
    const { runId, threadId } = this.#owner;
    const error = describeError(thrown);
    this.tracer?.toolFailed(tool, error);
    const fields = { requestId: this.#requestId, runId, threadId, tool, error };
    this.#target.logger.warn(fields, 'a tool failed');
  };

  /** Executes a pipeline in a span. */
  traced(pipeline: Pipeline, work: () => unknown): Promise<unknown> {
    const { runId, threadId, attempt } = this.#owner;
    const of = {
      requestId: this.#requestId,
      runId,
      threadId,
      attempt,
      pipeline: pipelineName(pipeline),
    };
    const waitedMs = Math.round((performance.now() - this.#acceptedAt) * 10) / 10;
    this.#target.logger.debug({ ...of, waitedMs }, 'pipeline starts');
    const span = {
      ...of,
      isCancelled: () => isCancel(this.#stop.reason),
      onRecorded: (ids: TraceIds) => void (this.#trace = ids),
    };
    return withRunSpan(span, work);
  }

  /** Counts a pipeline with what the client gets: events that could not be stored are a failure. */
  async counted<T>(pipeline: Pipeline, work: () => Promise<T>): Promise<T> {
    const { metrics } = this.#target;
    const name = pipelineName(pipeline);
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    try {
      const value = await work();
      metrics.observeRun(name, 'success', seconds());
      return value;
    } catch (error) {
      metrics.observeRun(name, isCancel(this.#stop.reason) ? 'cancelled' : 'failure', seconds());
      throw error;
    }
  }

  /** Logs the end of a run, one line for each; of one that failed, `failed` has logged more. */
  ended(end: RunEnd, ms: number): void {
    if (this.tracer) this.#target.traces?.ended(this.tracer, end, this.#failure);
    if (end.type === 'error') return;
    const { runId, threadId, attempt } = this.#owner;
    const fields = {
      requestId: this.#requestId,
      runId,
      threadId,
      attempt,
      ...(this.#trace && { traceId: this.#trace.traceId }),
      ms: Math.round(ms * 10) / 10,
      ...(end.type === 'cancelled' && { reason: end.reason }),
    };
    const { logger } = this.#target;
    logger.info(fields, end.type === 'result' ? 'run completed' : 'run cancelled');
  }

  /** Logs why a run failed, and reports it to the app. */
  failed(failure: JimsError, thrown: unknown): void {
    this.#failure = { error: failure, thrown };
    const { logger, onRunFailed } = this.#target;
    const { runId, threadId } = this.#owner;
    const ids = { requestId: this.#requestId, runId, threadId };
    if (failure.code === 'thread_not_found') {
      logger.info(ids, 'a run ended, as its thread was erased');
      return;
    }
    const trace = this.#trace;
    const error = describeError(thrown);
    const fields = { ...ids, ...(trace && { traceId: trace.traceId }), error };
    logger.error(fields, `run failed: ${failure.code}`);
    const run = { ...ids, ...(trace && { trace }) };
    // A report that fails, at once or later, must neither keep the run from its end nor end the process.
    const report = async (): Promise<void> => onRunFailed?.(failure, run);
    void report().catch((reportError: unknown) => {
      const about = { ...run, error: describeError(reportError) };
      logger.error(about, 'cannot report a failed run');
    });
  }
}

/**
 * Logs what a pipeline throws in a timer, or in a promise that nobody awaits, after its run is over. The function
 * keeps nothing of the run in memory.
 */
export function lateErrorLog(
  { logger }: Pick<ReportTarget, 'logger'>,
  { runId, threadId }: RunOwner,
  { requestId }: Pick<RunRequest, 'requestId'>,
): (thrown: unknown) => void {
  return (thrown) => {
    const fields = { requestId, runId, threadId, error: describeError(thrown) };
    logger.error(fields, 'a pipeline threw after its run was over');
  };
}
