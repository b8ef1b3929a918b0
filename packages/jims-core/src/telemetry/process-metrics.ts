import type { Registry } from 'prom-client';

/** Names of the library's own metrics of the process. */
export const OF_PROCESS: RegExp = /^(?:process|nodejs)_/;
const MAX_LAG_S = 1e9;

/** CPU, memory, handles and the delay of the event loop, under the names that dashboards know. */
export async function collectProcessMetrics(register: Registry): Promise<void> {
  const { Counter, Gauge, collectDefaultMetrics } = await import('prom-client');
  collectDefaultMetrics({ register });
  // The library counts from now on.
  const { user, system } = process.cpuUsage();
  const used = { cpu: user + system, cpu_user: user, cpu_system: system };
  for (const [name, microseconds] of Object.entries(used)) {
    const counter = register.getSingleMetric(`process_${name}_seconds_total`);
    if (counter instanceof Counter) counter.inc(microseconds / 1e6);
  }
  // While there is no delay yet, Node gives 2^63 nanoseconds and NaN.
  for (const name of ['min', 'max', 'mean', 'stddev']) {
    const gauge = register.getSingleMetric(`nodejs_eventloop_lag_${name}_seconds`);
    if (!(gauge instanceof Gauge)) continue;
    const set = gauge.set.bind(gauge);
    const setKnown = (labels: object, value: number): void =>
      set(labels, value < MAX_LAG_S ? value : 0);
    Object.assign(gauge, { set: setKnown });
  }
}
