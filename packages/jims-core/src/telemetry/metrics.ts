import type { Counter, Histogram, Registry } from 'prom-client';

/** How a pipeline's run ended, as the label `status`. */
export type RunStatusLabel = 'success' | 'failure' | 'cancelled';

/** The numbers of a process, in Prometheus' terms: names, labels and buckets are the original's. */
export interface Metrics {
  observeRun(pipeline: string, status: RunStatusLabel, seconds: number): void;
  /** A request that was refused, by the code of its error. */
  countRefusal(code: string): void;
  /**
   * A number that is read whenever the metrics are read. It may be registered at any time. Registered
   * again under the same name, the numbers are added up; a `read` that throws adds nothing.
   *
   * @throws TypeError for a name that Prometheus does not allow, or that another kind of metric has.
   * @example app.metrics.gauge('shop_carts_open', 'Carts that are not paid', () => carts.size);
   */
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
  /** Adds a number of now to the registry. */
  readonly add: (number: NumberOfNow) => void;
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
  /** More than one when it was registered again. */
  readonly reads: (() => number)[];
}

/** What this module counts by itself. */
const OWN_NAMES = {
  runs: 'jims_pipeline_runs_total',
  durations: 'jims_pipeline_run_duration_seconds',
  refusals: 'jims_refusals_total',
  modelCalls: 'llm_calls_total',
  promptTokens: 'llm_usage_prompt_tokens_total',
  completionTokens: 'llm_usage_completion_tokens_total',
} as const;
const TAKEN: ReadonlySet<string> = new Set(Object.values(OWN_NAMES));
/** The library's own numbers of the process. */
const OF_PROCESS = /^(?:process|nodejs)_/;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const BUCKETS_S = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** Metrics with a registry of their own. The library is loaded on first use, not at start. */
export function createMetrics(): Metrics {
  const numbers = new Map<string, NumberOfNow>();
  const expected = new Set<string>();
  let loading: Promise<Instruments> | undefined;
  let instruments: Instruments | undefined;
  let process: Promise<void> | undefined;

  function load(): Promise<Instruments> {
    loading ??= import('prom-client').then((library) => {
      // At once: a number that is registered from now on is added to them.
      instruments = createInstruments(library, numbers.values());
      showZero(instruments, expected);
      return instruments;
    });
    return loading;
  }

  function use(observe: (instruments: Instruments) => void): void {
    if (instruments) observe(instruments);
    // A library that cannot be loaded fails `registry()`, and no run.
    else void load().then(observe, () => {});
  }

  function register(
    kind: NumberOfNow['kind'],
    name: string,
    help: string,
    read: () => number,
  ): void {
    const known = numbers.get(name);
    const isTaken = TAKEN.has(name) || OF_PROCESS.test(name);
    if (isTaken || (known && known.kind !== kind)) {
      throw new TypeError(`There is another metric with the name '${name}': choose another name`);
    }
    if (!NAME.test(name)) {
      throw new TypeError(`'${name}' cannot be the name of a metric: use letters, digits and _`);
    }
    if (known) {
      known.reads.push(read);
      return;
    }
    const number: NumberOfNow = { kind, name, help, reads: [read] };
    numbers.set(name, number);
    instruments?.add(number);
  }

  return {
    observeRun(pipeline, status, seconds) {
      use(({ runs, durations }) => {
        runs.inc({ pipeline, status });
        durations.observe({ pipeline, status }, seconds);
      });
    },
    countRefusal: (code) => use(({ refusals }) => refusals.inc({ code })),
    gauge: (name, help, read) => register('gauge', name, help, read),
    counter: (name, help, read) => register('counter', name, help, read),
    observeModel({ model, promptTokens, completionTokens }) {
      use((counters) => {
        counters.modelCalls.inc({ model });
        if (promptTokens > 0) counters.promptTokens.inc({ model }, promptTokens);
        if (completionTokens > 0) counters.completionTokens.inc({ model }, completionTokens);
      });
    },
    expectRefusals(codes) {
      for (const code of codes) expected.add(code);
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

/** The sum of what is read now. */
function sumOf({ reads }: NumberOfNow): number {
  return reads.reduce((sum, read) => sum + valueOf(read), 0);
}

function valueOf(read: () => number): number {
  try {
    return Number(read()) || 0;
  } catch {
    return 0;
  }
}

function showZero({ refusals }: Instruments, codes: Iterable<string>): void {
  for (const code of codes) refusals.inc({ code }, 0);
}

/** CPU, memory, handles and the delay of the event loop, under the names that dashboards know. */
async function collectProcessMetrics(register: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client');
  collectDefaultMetrics({ register });
}

function createInstruments(
  { Counter, Gauge, Histogram, Registry }: typeof import('prom-client'),
  numbers: Iterable<NumberOfNow>,
): Instruments {
  const registry = new Registry();
  const registers = [registry];
  const common = { labelNames: ['pipeline', 'status'] as const, registers };

  function add(number: NumberOfNow): void {
    const { kind, name, help } = number;
    if (kind === 'gauge') {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(sumOf(number));
        },
      });
      return;
    }
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(Math.max(0, sumOf(number)));
      },
    });
  }
  for (const number of numbers) add(number);

  const byModel = (name: string, help: string): Counter<'model'> =>
    new Counter({ name, help, labelNames: ['model'], registers });
  return {
    registry,
    add,
    modelCalls: byModel(OWN_NAMES.modelCalls, 'Total number of LLM calls'),
    promptTokens: byModel(
      OWN_NAMES.promptTokens,
      'Total number of tokens used in the prompt for LLM',
    ),
    completionTokens: byModel(
      OWN_NAMES.completionTokens,
      'Total number of tokens used in the completion for LLM',
    ),
    runs: new Counter({
      name: OWN_NAMES.runs,
      help: 'Total number of pipeline runs',
      ...common,
    }),
    durations: new Histogram({
      name: OWN_NAMES.durations,
      help: 'Duration of pipeline runs in seconds',
      buckets: BUCKETS_S,
      ...common,
    }),
    refusals: new Counter({
      name: OWN_NAMES.refusals,
      help: 'Total number of requests refused, by the code of the error',
      labelNames: ['code'],
      registers,
    }),
  };
}
