import type * as PromClient from 'prom-client';
import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What came of an attempt to send a delivery, as the label `outcome`. */
export type DeliveryOutcomeLabel = (typeof OUTCOMES)[number];

const OUTCOMES = ['sent', 'failed', 'dead', 'outdated'] as const;

/** A number that the app registered. */
export interface AppNumber {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  /** More than one when it was registered again. */
  readonly reads: (() => number)[];
}

export const OWN_NAMES = {
  runs: 'jims_pipeline_runs_total',
  durations: 'jims_pipeline_run_duration_seconds',
  refusals: 'jims_refusals_total',
  feedback: 'jims_feedback_total',
  deliveries: 'jims_deliveries_total',
  modelCalls: 'llm_calls_total',
  promptTokens: 'llm_usage_prompt_tokens_total',
  completionTokens: 'llm_usage_completion_tokens_total',
} as const;
const BUCKETS_S = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** What the metrics of a process are counted with. */
export interface Instruments {
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

export function createInstruments(
  library: typeof PromClient,
  numbers: Iterable<AppNumber>,
): Instruments {
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

export function showZero({ refusals, feedback }: Instruments, codes: Iterable<string>): void {
  for (const code of codes) refusals.inc({ code }, 0);
  for (const value of ['up', 'down']) feedback.inc({ value }, 0);
}

export function showNoDeliveries({ deliveries }: Instruments, kinds: Iterable<string>): void {
  for (const kind of kinds) {
    for (const outcome of OUTCOMES) deliveries.inc({ kind, outcome }, 0);
  }
}
