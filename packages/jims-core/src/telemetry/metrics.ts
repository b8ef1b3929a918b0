import type { Counter, Histogram, Registry } from 'prom-client';

/** How a pipeline's run ended, as the label `status`. */
export type RunStatusLabel = 'success' | 'failure' | 'cancelled';

/** The numbers of a process, in Prometheus' terms: names, labels and buckets are the original's. */
export interface Metrics {
  observeRun(pipeline: string, status: RunStatusLabel, seconds: number): void;
  /** The registry, for an exporter; loads the metrics library. */
  registry(): Promise<Registry>;
}

interface Instruments {
  readonly registry: Registry;
  readonly runs: Counter<'pipeline' | 'status'>;
  readonly durations: Histogram<'pipeline' | 'status'>;
}

const BUCKETS_S = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600];

/** Metrics with a registry of their own. The library behind is loaded on first use, not at start. */
export function createMetrics(): Metrics {
  let loading: Promise<Instruments> | undefined;
  let instruments: Instruments | undefined;

  async function load(): Promise<Instruments> {
    loading ??= loadInstruments();
    instruments = await loading;
    return instruments;
  }

  return {
    observeRun(pipeline, status, seconds) {
      const observe = ({ runs, durations }: Instruments): void => {
        runs.inc({ pipeline, status });
        durations.observe({ pipeline, status }, seconds);
      };
      if (instruments) observe(instruments);
      else void load().then(observe);
    },
    registry: async () => (await load()).registry,
  };
}

async function loadInstruments(): Promise<Instruments> {
  const { Counter, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  const common = { labelNames: ['pipeline', 'status'] as const, registers: [registry] };
  return {
    registry,
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
  };
}
