import type * as PromClient from 'prom-client';
import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** How a pipeline's run ended, as the label `status`. */
export type RunStatusLabel = 'success' | 'failure' | 'cancelled';

/** What came of an attempt to send a delivery, as the label `outcome`. */
export type DeliveryOutcomeLabel = (typeof OUTCOMES)[number];

const OUTCOMES = ['sent', 'failed', 'dead', 'outdated'] as const;

/** The metrics of a process for Prometheus. Names, labels and buckets are those of the original. */
export interface Metrics {
  /** Counts a run, and its duration in seconds. */
  observeRun(pipeline: string, status: RunStatusLabel, seconds: number): void;
  /** Counts a request that was refused, by the code of its error. */
  countRefusal(code: string): void;
  /** Counts what a contact thinks of a message. */
  countFeedback(value: 'up' | 'down'): void;
  /** Counts an attempt to send a delivery of a kind, such as `a2a`, by what came of it. */
  countDelivery(kind: string, outcome: DeliveryOutcomeLabel): void;
  /**
   * Adds a number that is read whenever the metrics are read. Allowed at any time. When a name is
   * registered again, the numbers are added up. A `read` that throws counts as 0.
   *
   * @throws TypeError for a name that Prometheus does not allow, or that another metric has.
   * @example app.metrics.gauge('shop_carts_open', 'Carts that are not paid', () => carts.size);
   */
  gauge(name: string, help: string, read: () => number): void;
  /**
   * Adds a number that only grows; otherwise as `gauge`.
   *
   * @throws TypeError for a name that Prometheus does not allow, or that another metric has.
   * @example app.metrics.counter('shop_orders_total', 'Orders', () => orders.count);
   */
  counter(name: string, help: string, read: () => number): void;
  /** Counts an answered request to a model. */
  readonly observeModel: (usage: ObservedUsage) => void;
  /**
   * Shows these codes of `countRefusal` with 0 from the start. Otherwise Prometheus would not see the
   * first refusal as an increase.
   */
  expectRefusals(codes: readonly string[]): void;
  /** Shows all outcomes of `countDelivery` for a kind with 0 from the start, as `expectRefusals`. */
  expectDeliveries(kind: string): void;
  /** The registry with all metrics, for an exporter. Loads the metrics library. */
  registry(): Promise<Registry>;
}

interface ObservedUsage {
  readonly model: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A number that the app registered. */
interface AppNumber {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  /** More than one when it was registered again. */
  readonly reads: (() => number)[];
}

const OWN_NAMES = {
  runs: 'jims_pipeline_runs_total',
  durations: 'jims_pipeline_run_duration_seconds',
  refusals: 'jims_refusals_total',
  feedback: 'jims_feedback_total',
  deliveries: 'jims_deliveries_total',
  modelCalls: 'llm_calls_total',
  promptTokens: 'llm_usage_prompt_tokens_total',
  completionTokens: 'llm_usage_completion_tokens_total',
} as const;
const TAKEN: ReadonlySet<string> = new Set(Object.values(OWN_NAMES));
/** Names of the library's own metrics of the process. */
const OF_PROCESS = /^(?:process|nodejs)_/;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const BUCKETS_S = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** Makes metrics with a registry of their own. */
export function createMetrics(): Metrics {
  return new PrometheusMetrics();
}

/** Loads the metrics library on first use, not at start. */
class PrometheusMetrics implements Metrics {
  readonly #numbers = new Map<string, AppNumber>();
  readonly #expectedRefusals = new Set<string>();
  readonly #expectedKinds = new Set<string>();
  #loading: Promise<Instruments> | undefined;
  #instruments: Instruments | undefined;
  #processMetrics: Promise<void> | undefined;

  observeRun(pipeline: string, status: RunStatusLabel, seconds: number): void {
    this.#use(({ runs, durations }) => {
      runs.inc({ pipeline, status });
      durations.observe({ pipeline, status }, seconds);
    });
  }

  countRefusal(code: string): void {
    this.#use(({ refusals }) => refusals.inc({ code }));
  }

  countFeedback(value: 'up' | 'down'): void {
    this.#use(({ feedback }) => feedback.inc({ value }));
  }

  countDelivery(kind: string, outcome: DeliveryOutcomeLabel): void {
    this.#use(({ deliveries }) => deliveries.inc({ kind, outcome }));
  }

  gauge(name: string, help: string, read: () => number): void {
    this.#register({ kind: 'gauge', name, help, reads: [read] });
  }

  counter(name: string, help: string, read: () => number): void {
    this.#register({ kind: 'counter', name, help, reads: [read] });
  }

  readonly observeModel = ({ model, promptTokens, completionTokens }: ObservedUsage): void => {
    this.#use((counters) => {
      counters.modelCalls.inc({ model });
      if (promptTokens > 0) counters.promptTokens.inc({ model }, promptTokens);
      if (completionTokens > 0) counters.completionTokens.inc({ model }, completionTokens);
    });
  };

  expectRefusals(codes: readonly string[]): void {
    for (const code of codes) this.#expectedRefusals.add(code);
    if (this.#instruments) showZero(this.#instruments, codes);
  }

  expectDeliveries(kind: string): void {
    this.#expectedKinds.add(kind);
    if (this.#instruments) showNoDeliveries(this.#instruments, [kind]);
  }

  async registry(): Promise<Registry> {
    const { registry } = await this.#load();
    this.#processMetrics ??= collectProcessMetrics(registry);
    await this.#processMetrics;
    return registry;
  }

  #register(number: AppNumber): void {
    const { kind, name, reads } = number;
    const known = this.#numbers.get(name);
    const isTaken = TAKEN.has(name) || OF_PROCESS.test(name);
    if (isTaken || (known && known.kind !== kind)) {
      throw new TypeError(`There is another metric with the name '${name}': choose another name`);
    }
    if (!NAME.test(name)) {
      throw new TypeError(`'${name}' cannot be the name of a metric: use letters, digits and _`);
    }
    if (known) {
      known.reads.push(...reads);
      return;
    }
    this.#numbers.set(name, number);
    this.#instruments?.add(number);
  }

  #use(observe: (instruments: Instruments) => void): void {
    if (this.#instruments) observe(this.#instruments);
    // A library that cannot be loaded must fail `registry()`, but no run.
    else void this.#load().then(observe, () => {});
  }

  #load(): Promise<Instruments> {
    this.#loading ??= import('prom-client').then((library) => {
      const instruments = createInstruments(library, this.#numbers.values());
      showZero(instruments, this.#expectedRefusals);
      showNoDeliveries(instruments, this.#expectedKinds);
      this.#instruments = instruments;
      return instruments;
    });
    return this.#loading;
  }
}

interface Instruments {
  readonly registry: Registry;
  readonly add: (number: AppNumber) => void;
  readonly runs: Counter<'pipeline' | 'status'>;
  readonly durations: Histogram<'pipeline' | 'status'>;
  readonly refusals: Counter<'code'>;
  readonly feedback: Counter<'value'>;
  readonly deliveries: Counter<'kind' | 'outcome'>;
  readonly modelCalls: Counter<'model'>;
  readonly promptTokens: Counter<'model'>;
  readonly completionTokens: Counter<'model'>;
}

function createInstruments(library: typeof PromClient, numbers: Iterable<AppNumber>): Instruments {
  const { Counter, Histogram, Registry } = library;
  const registry = new Registry();
  const add = (number: AppNumber): void => registry.registerMetric(metricOf(number, library));
  for (const number of numbers) add(number);
  const registers = [registry];
  const byRun = { labelNames: ['pipeline', 'status'] as const, registers };
  const byModel = { labelNames: ['model'] as const, registers };
  return {
    registry,
    add,
    modelCalls: new Counter({
      name: OWN_NAMES.modelCalls,
      help: 'Total number of LLM calls',
      ...byModel,
    }),
    promptTokens: new Counter({
      name: OWN_NAMES.promptTokens,
      help: 'Total number of tokens used in the prompt for LLM',
      ...byModel,
    }),
    completionTokens: new Counter({
      name: OWN_NAMES.completionTokens,
      help: 'Total number of tokens used in the completion for LLM',
      ...byModel,
    }),
    runs: new Counter({ name: OWN_NAMES.runs, help: 'Total number of pipeline runs', ...byRun }),
    durations: new Histogram({
      name: OWN_NAMES.durations,
      help: 'Duration of pipeline runs in seconds',
      buckets: BUCKETS_S,
      ...byRun,
    }),
    refusals: new Counter({
      name: OWN_NAMES.refusals,
      help: 'Total number of requests refused, by the code of the error',
      labelNames: ['code'],
      registers,
    }),
    feedback: new Counter({
      name: OWN_NAMES.feedback,
      help: 'Total number of times that a contact rated a message, by the value: up or down',
      labelNames: ['value'],
      registers,
    }),
    deliveries: new Counter({
      name: OWN_NAMES.deliveries,
      help: 'Total number of attempts to send a delivery, by its kind and what came of it',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
  };
}

function metricOf(number: AppNumber, { Counter, Gauge }: typeof PromClient): Counter | Gauge {
  const { kind, name, help } = number;
  const config = { name, help, registers: [] };
  if (kind === 'gauge') {
    return new Gauge({
      ...config,
      collect() {
        this.set(sumOf(number));
      },
    });
  }
  return new Counter({
    ...config,
    collect() {
      this.reset();
      this.inc(Math.max(0, sumOf(number)));
    },
  });
}

function sumOf({ reads }: AppNumber): number {
  return reads.reduce((sum, read) => sum + valueOf(read), 0);
}

function valueOf(read: () => number): number {
  try {
    return read() || 0;
  } catch {
    return 0;
  }
}

function showZero({ refusals, feedback }: Instruments, codes: Iterable<string>): void {
  for (const code of codes) refusals.inc({ code }, 0);
  for (const value of ['up', 'down']) feedback.inc({ value }, 0);
}

function showNoDeliveries({ deliveries }: Instruments, kinds: Iterable<string>): void {
  for (const kind of kinds) {
    for (const outcome of OUTCOMES) deliveries.inc({ kind, outcome }, 0);
  }
}

/** CPU, memory, handles and the delay of the event loop, under the names that dashboards know. */
async function collectProcessMetrics(register: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client');
  collectDefaultMetrics({ register });
}
