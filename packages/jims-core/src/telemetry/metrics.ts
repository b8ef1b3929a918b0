import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** How a pipeline's run ended, as the label `status`. */
export type RunStatusLabel = 'success' | 'failure' | 'cancelled';

/** The numbers of a process, in Prometheus' terms: names, labels and buckets are the original's. */
export interface Metrics {
  observeRun(pipeline: string, status: RunStatusLabel, seconds: number): void;
  /** A request that was refused, by the code of its error. */
  countRefusal(code: string): void;
  /** What is read whenever the metrics are: numbers of now. */
  gauge(name: string, help: string, read: () => number): void;
  /** As `gauge`, for a number that only grows. */
  counter(name: string, help: string, read: () => number): void;
  /** Counts an answered request to a model. */
  readonly observeModel: (usage: ObservedUsage) => void;
  /**
   * Shows these codes of `countRefusal` with 0 from the start: what appears with its first event has no
   * increase that Prometheus could see.
   */
  expectRefusals(codes: readonly string[]): void;
  /** The registry, for an exporter, with the numbers of the process; loads the metrics library. */
  registry(): Promise<Registry>;
}

interface Instruments {
  readonly registry: Registry;
  readonly runs: Counter<'pipeline' | 'status'>;
  readonly durations: Histogram<'pipeline' | 'status'>;
  readonly refusals: Counter<'code'>;
  readonly modelCalls: Counter<'model'>;
  readonly promptTokens: Counter<'model'>;
  readonly completionTokens: Counter<'model'>;
}

interface ObservedUsage {
  readonly model: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

interface NumberOfNow {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

const BUCKETS_S = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** Metrics with a registry of their own. The library behind is loaded on first use, not at start. */
export function createMetrics(): Metrics {
  const numbers: NumberOfNow[] = [];
  const expected: string[] = [];
  let loading: Promise<Instruments> | undefined;
  let instruments: Instruments | undefined;
  let process: Promise<void> | undefined;

  async function load(): Promise<Instruments> {
    loading ??= loadInstruments(numbers);
    const loaded = await loading;
    if (!instruments) showZero(loaded, expected);
    instruments = loaded;
    return loaded;
  }

  function use(observe: (instruments: Instruments) => void): void {
    if (instruments) observe(instruments);
    else void load().then(observe);
  }

  return {
    observeRun(pipeline, status, seconds) {
      use(({ runs, durations }) => {
        runs.inc({ pipeline, status });
        durations.observe({ pipeline, status }, seconds);
      });
    },
    countRefusal: (code) => use(({ refusals }) => refusals.inc({ code })),
    gauge: (name, help, read) => void numbers.push({ kind: 'gauge', name, help, read }),
    counter: (name, help, read) => void numbers.push({ kind: 'counter', name, help, read }),
    observeModel({ model, promptTokens, completionTokens }) {
      use((counters) => {
        counters.modelCalls.inc({ model });
        if (promptTokens > 0) counters.promptTokens.inc({ model }, promptTokens);
        if (completionTokens > 0) counters.completionTokens.inc({ model }, completionTokens);
      });
    },
    expectRefusals(codes) {
      expected.push(...codes);
      if (instruments) showZero(instruments, codes);
    },
    async registry() {
      const { registry } = await load();
      process ??= collectProcessMetrics(registry);
      await process;
      return registry;
    },
  };
}

function showZero({ refusals }: Instruments, codes: readonly string[]): void {
  for (const code of codes) refusals.inc({ code }, 0);
}

/** CPU, memory, handles and the delay of the event loop, under the names that dashboards know. */
async function collectProcessMetrics(register: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client');
  collectDefaultMetrics({ register });
}

async function loadInstruments(numbers: readonly NumberOfNow[]): Promise<Instruments> {
  const { Counter, Gauge: GaugeOf, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  const common = { labelNames: ['pipeline', 'status'] as const, registers: [registry] };
  for (const number of numbers) registry.registerMetric(metricOf(number));
  function metricOf({ kind, name, help, read }: NumberOfNow): Counter | Gauge {
    const named = { name, help, registers: [] };
    if (kind === 'gauge') {
      return new GaugeOf({
        ...named,
        collect() {
          this.set(read());
        },
      });
    }
    return new Counter({
      ...named,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
  const byModel = (name: string, help: string): Counter<'model'> =>
    new Counter({ name, help, labelNames: ['model'], registers: [registry] });
  return {
    registry,
    modelCalls: byModel('llm_calls_total', 'Total number of LLM calls'),
    promptTokens: byModel(
      'llm_usage_prompt_tokens_total',
      'Total number of tokens used in the prompt for LLM',
    ),
    completionTokens: byModel(
      'llm_usage_completion_tokens_total',
      'Total number of tokens used in the completion for LLM',
    ),
    runs: new Counter({
      name: 'jims_pipeline_runs_total',
      help: 'Total number of pipeline runs',
      ...common,
    }),
    durations: new Histogram({
      name: 'jims_pipeline_run_duration_seconds',
      help: 'Duration of pipeline runs in seconds',
      buckets: BUCKETS_S,
      ...common,
    }),
    refusals: new Counter({
      name: 'jims_refusals_total',
      help: 'Total number of requests refused, by the code of the error',
      labelNames: ['code'],
      registers: [registry],
    }),
  };
}
