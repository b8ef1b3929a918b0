import type { ModelTraces } from '../telemetry/trace.ts';
import type { Llm, LlmProvider } from './llm.ts';
import type { CallUsage, ModelUsage } from './usage.ts';

interface RunLlmOptions {
  readonly models: () => LlmProvider;
  /** Called after every answered request. */
  readonly observe: (usage: CallUsage) => void;
  readonly onToolFailed: (tool: string, error: unknown) => void;
  readonly signal: AbortSignal;
  readonly threadId: string;
  readonly traceContent: boolean | undefined;
  readonly loadFile: (fileId: string) => Promise<Uint8Array>;
  /** Where its calls are traced, if they are. */
  readonly traces: ModelTraces | undefined;
}

/** The models of one run. Most runs need none: so they are made when the pipeline first uses one. */
export class RunLlm {
  readonly #options: RunLlmOptions;
  #over: AbortController | undefined;
  #llm: Llm | undefined;

  constructor(options: RunLlmOptions) {
    this.#options = options;
  }

  readonly get = (): Llm => {
    this.#llm ??= this.#make();
    return this.#llm;
  };

  #make(): Llm {
    const { models, traceContent, traces, ...bound } = this.#options;
    this.#over = new AbortController();
    return models().forRun({
      ...bound,
      over: this.#over.signal,
      ...(traceContent !== undefined && { traceContent }),
      ...(traces && { traces }),
    });
  }

  /** To be spread into the run's outcome: empty when the run used no model. */
  used(): { readonly usage?: readonly ModelUsage[] } {
    const usage = this.#llm?.usage ?? [];
    return usage.length > 0 ? { usage } : {};
  }

  /** The run is over: ends the streams that its pipeline did not read to the end. */
  end(): void {
    this.#over?.abort(new DOMException('The run is over', 'AbortError'));
  }
}
