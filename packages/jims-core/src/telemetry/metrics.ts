import type { Registry } from 'prom-client';

import { OWN_NAMES, createInstruments, showNoDeliveries, showZero } from './instruments.ts';
import type { AppNumber, DeliveryOutcomeLabel, Instruments } from './instruments.ts';
import { OF_PROCESS, collectProcessMetrics } from './process-metrics.ts';

/** How a pipeline's run ended, as the label `status`. */
export type RunStatusLabel = 'success' | 'failure' | 'cancelled';

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

const TAKEN: ReadonlySet<string> = new Set(Object.values(OWN_NAMES));
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

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
