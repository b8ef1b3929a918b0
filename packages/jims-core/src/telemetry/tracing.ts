import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';

import { describeError } from '../errors/jims-error.ts';

let loading: Promise<typeof OpenTelemetryApi> | undefined;

/** Loads OpenTelemetry's API on first use. */
export function tracingApi(): Promise<typeof OpenTelemetryApi> {
  loading ??= import('@opentelemetry/api');
  return loading;
}

/** The ids of a span and its trace, in the hexadecimal form of W3C Trace Context. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** What the span of a run records. */
export interface RunSpan {
  readonly runId: string;
  readonly threadId: string;
  readonly requestId: string | undefined;
  readonly attempt: number;
  readonly pipeline: string;
  /** Whether the run was stopped on purpose, which is not an error of the pipeline. */
  readonly isCancelled: () => boolean;
  /** Called before the pipeline begins, when the span is recorded. */
  readonly onRecorded: (ids: TraceIds) => void;
}

/**
 * Does the work of a run inside the span `jims.run_pipeline_with_context`. Without a tracing SDK in the
 * process the span costs nothing.
 */
export async function withRunSpan(run: RunSpan, work: () => unknown): Promise<unknown> {
  const { SpanStatusCode, trace } = await tracingApi();
  const tracer = trace.getTracer('jims-core');
  const attributes = {
    'jims.run.id': run.runId,
    'jims.thread.id': run.threadId,
    'jims.pipeline': run.pipeline,
    'jims.attempt': run.attempt,
    ...(run.requestId !== undefined && { 'jims.request.id': run.requestId }),
  };
  async function traced(span: Span): Promise<void> {
    const { traceId, spanId } = span.spanContext();
    run.onRecorded({ traceId, spanId });
    try {
      await work();
      span.setStatus({ code: SpanStatusCode.OK });
    } catch (error) {
      if (run.isCancelled()) {
        span.setAttribute('jims.run.status', 'cancelled');
      } else {
        const { name, code, message } = describeError(error);
        span.setAttribute('error.type', code ?? name ?? '_OTHER');
        span.setStatus({
          code: SpanStatusCode.ERROR,
          message: `Pipeline execution failed: ${message}`,
        });
      }
      throw error;
    } finally {
      span.end();
    }
  }
  // A span that is not recorded needs no status and no end.
  return tracer.startActiveSpan('jims.run_pipeline_with_context', { attributes }, (span) =>
    span.isRecording() ? traced(span) : work(),
  );
}

/**
 * Does `work` as a part of the caller's trace: spans of the runs that it starts are children of the
 * caller's span.
 *
 * @param headers Those of W3C Trace Context. Without them, or without a tracing SDK, only `work` is done.
 *
 * @example
 * await withCallersTrace({ traceparent }, () => app.runs.start(request));
 */
export async function withCallersTrace<T>(
  headers: Readonly<Record<string, string>> | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!headers) return work();
  const { context, propagation } = await tracingApi();
  return context.with(propagation.extract(context.active(), headers), work);
}

/**
 * Calls `report` with the errors and warnings of the process's tracing SDK, such as a collector that
 * does not answer. Otherwise the SDK writes them to the console.
 *
 * @example
 * await onTracingFault((message) => logger.warn({}, message));
 */
export async function onTracingFault(report: (message: string) => void): Promise<void> {
  const { DiagLogLevel, diag } = await tracingApi();
  const sink = { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(sink, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

function ignore(): void {}
