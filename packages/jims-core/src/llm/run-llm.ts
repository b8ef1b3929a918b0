import type { Metrics } from '../telemetry/metrics.ts';
import type { Llm, LlmProvider } from './llm.ts';
import type { ModelUsage } from './usage.ts';

/** The models of one run: made when a pipeline first asks for them. */
export interface RunLlm {
  readonly get: () => Llm;
  /** To be spread into what is told of the run: nothing when no model was used. */
  readonly used: () => { readonly usage?: readonly ModelUsage[] };
  /** The run is over: what its pipeline left half read is ended. */
  readonly end: () => void;
}

export interface RunLlmOptions {
  readonly models: () => LlmProvider;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  readonly threadId: string;
  readonly traceContent: boolean | undefined;
}

export function createRunLlm(options: RunLlmOptions): RunLlm {
  const { models, metrics, signal, threadId, traceContent } = options;
  const over = new AbortController();
  let llm: Llm | undefined;
  return {
    get() {
      llm ??= models().forRun({
        signal,
        over: over.signal,
        threadId,
        observe: metrics.observeModel,
        ...(traceContent !== undefined && { traceContent }),
      });
      return llm;
    },
    used() {
      const usage = llm?.usage ?? [];
      return usage.length > 0 ? { usage } : {};
    },
    end() {
      if (llm) over.abort(new DOMException('The run is over', 'AbortError'));
    },
  };
}
