import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';

import { describeError } from '../errors/jims-error.ts';

let loading: Promise<typeof OpenTelemetryApi> | undefined;

/** OpenTelemetry's API, loaded on first use. */
export function tracingApi(): Promise<typeof OpenTelemetryApi> {
  loading ??= import('@opentelemetry/api');
  return loading;
}

/** Names a span of a trace, in the hexadecimal form of W3C Trace Context. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** What a run's span says about it. */
export interface RunSpan {
  readonly runId: string;
  readonly threadId: string;
  readonly requestId: string | undefined;
  readonly attempt: number;
  readonly pipeline: string;
  /** Whether the run was stopped on purpose: that is not an error of the pipeline. */
  readonly isCancelled: () => boolean;
  /** Called when the span is recorded, before the pipeline begins. */
  readonly onRecorded: (ids: TraceIds) => void;
}

/**
 * Runs `work` inside the span `jims.run_pipeline_with_context`. Without a tracing SDK in the process
 * the span costs nothing; the program that starts the process chooses the SDK.
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
  // A span that nobody records needs no looking after, for as long as the run takes.
  return tracer.startActiveSpan('jims.run_pipeline_with_context', { attributes }, (span) =>
    span.isRecording() ? traced(span) : work(),
  );
}

/**
 * Does `work` as a part of its caller's trace, so that the runs it starts are children of the caller's
 * span. `headers` are those of W3C Trace Context; without them, and without a tracing SDK, this is a
 * plain call.
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
 * Calls `report` with what the tracing SDK of the process cannot do, such as a collector that does not
 * answer. Replaces the SDK's own way to say so, which is the console.
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
