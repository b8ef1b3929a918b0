import type { Attributes, Span } from '@opentelemetry/api';

import { tracingApi } from './tracing.ts';

/** One call to a model as OpenTelemetry's conventions for generative AI describe it. */
export interface ModelSpan {
  /** False when nobody traces: then what a span would say need not be made. */
  readonly recording: boolean;
  set(attributes: Attributes): void;
  /** A try failed, and another will be made. */
  retried(failure: Failure, waitMs: number): void;
  end(failure?: Failure): void;
  /** Does something as this span's child. */
  within<T>(work: () => T): T;
}

interface Failure {
  readonly type: string;
  readonly message: string;
}

export interface ModelSpanOptions {
  readonly operation: 'chat' | 'embeddings' | 'rerank';
  readonly provider: string;
  readonly model: string;
  /** The thread that the call is made for. */
  readonly threadId: string | undefined;
}

/** What the conventions call those of our providers that they know by another name. */
const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  gemini: 'gcp.gemini',
  google: 'gcp.gemini',
  mistral: 'mistral_ai',
  xai: 'x_ai',
};

export async function startModelSpan(options: ModelSpanOptions): Promise<ModelSpan> {
  const { SpanKind, SpanStatusCode, context, trace } = await tracingApi();
  const { operation, provider, model, threadId } = options;
  const span: Span = trace.getTracer('jims-core').startSpan(`${operation} ${model}`, {
    kind: SpanKind.CLIENT,
    attributes: {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': PROVIDER_NAMES[provider] ?? provider,
      'gen_ai.request.model': model,
      ...(threadId !== undefined && { 'gen_ai.conversation.id': threadId }),
    },
  });
  return {
    recording: span.isRecording(),
    set: (attributes) => void span.setAttributes(attributes),
    retried(failure, waitMs) {
      const attributes = { 'error.type': failure.type, 'jims.retry.wait_ms': Math.round(waitMs) };
      span.addEvent('jims.retry', attributes);
    },
    end(failure) {
      if (failure) {
        span.setAttribute('error.type', failure.type);
        span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
      }
      span.end();
    },
    within: (work) => context.with(trace.setSpan(context.active(), span), work),
  };
}
