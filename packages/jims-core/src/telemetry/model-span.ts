import type { Attributes, Span } from '@opentelemetry/api';

import { tracingApi } from './tracing.ts';

/** The span of a call to a model, after OpenTelemetry's conventions for generative AI. */
export interface ModelSpan {
  /** False when nothing is traced: then attributes need not be computed. */
  readonly recording: boolean;
  set(attributes: Attributes): void;
  /** Records a failed try that is repeated after `waitMs`. */
  retried(failure: Failure, waitMs: number): void;
  /** Ends the span, with an error when the call failed. */
  end(failure?: Failure): void;
  /** Does work whose own spans are children of this one. */
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
  readonly threadId: string | undefined;
}

/** Providers that have another name in the conventions. */
const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  gemini: 'gcp.gemini',
  google: 'gcp.gemini',
  mistral: 'mistral_ai',
  xai: 'x_ai',
};

/** Starts the span of a call to a model. */
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
