import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';

import { describeError } from '../errors.ts';

let loading: Promise<typeof OpenTelemetryApi> | undefined;

/** OpenTelemetry's API, loaded on first use. */
export function tracingApi(): Promise<typeof OpenTelemetryApi> {
  loading ??= import('@opentelemetry/api');
  return loading;
}

/**
 * Runs `work` inside the span `jims.run_pipeline_with_context`. Without a tracing SDK in the
 * process the span costs nothing; what the SDK is, is for whoever starts the process to decide.
 */
export async function withRunSpan(
  attributes: { readonly threadId: string; readonly pipeline: string },
  work: () => unknown,
): Promise<unknown> {
  const { SpanStatusCode, trace } = await tracingApi();
  const tracer = trace.getTracer('jims-core');
  const options = {
    attributes: { 'jims.thread.id': attributes.threadId, 'jims.pipeline': attributes.pipeline },
  };
  async function traced(span: Span): Promise<void> {
    try {
      await work();
      span.setStatus({ code: SpanStatusCode.OK });
    } catch (error) {
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: `Pipeline execution failed: ${describeError(error).message}`,
      });
      throw error;
    } finally {
      span.end();
    }
  }
  // A span that nobody records needs no looking after, for as long as the run takes.
  return tracer.startActiveSpan('jims.run_pipeline_with_context', options, (span) =>
    span.isRecording() ? traced(span) : work(),
  );
}
