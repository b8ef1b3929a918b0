import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';

test('a gauge or counter that is registered twice is the sum', async () => {
  const metrics = createMetrics();
  metrics.gauge('open', 'Open', () => 2);
  metrics.counter('done_total', 'Done', () => 10);
  metrics.gauge('open', 'Open', () => 3);
  metrics.counter('done_total', 'Done', () => 20);
  metrics.observeRun('p', 'success', 1);
  assert.deepEqual(await numbers(metrics, 'open', 'done_total'), [5, 30]);
  metrics.gauge('open', 'Open', () => 5);
  assert.deepEqual(await numbers(metrics, 'open'), [10]);
});

test('numbers that are registered after the first observation appear', async () => {
  const metrics = createMetrics();
  metrics.observeModel({ model: 'm', promptTokens: 1, completionTokens: 1 });
  metrics.gauge('at_once', 'While the library is loaded', () => 1);
  await metrics.registry();
  metrics.gauge('later', 'When it is loaded', () => 2);
  assert.deepEqual(await numbers(metrics, 'at_once', 'later'), [1, 2]);
});

test('a number that cannot be read counts as 0, and others go on', async () => {
  const metrics = createMetrics();
  metrics.gauge('broken', 'Broken', () => {
    throw new Error('cannot be read');
  });
  metrics.gauge('broken', 'Broken', () => 4);
  metrics.gauge('strange', 'Strange', () => Number.NaN);
  metrics.counter('negative_total', 'Negative', () => -1);
  assert.deepEqual(await numbers(metrics, 'broken', 'strange', 'negative_total'), [4, 0, 0]);
});

test('a name that cannot be registered is refused, and everything else goes on', async () => {
  const metrics = createMetrics();
  metrics.gauge('taken', 'Taken', () => 1);
  assert.throws(() => metrics.counter('taken', 'Taken', () => 1), TypeError);
  assert.throws(() => metrics.gauge('llm_calls_total', 'Ours', () => 1), TypeError);
  assert.throws(() => metrics.gauge('not a name', 'Bad', () => 1), TypeError);
  metrics.countRefusal('overloaded');
  assert.deepEqual(await numbers(metrics, 'taken', 'jims_refusals_total'), [1, 1]);
});

test('the first reading has the CPU time of the whole process, and delays that can be', async () => {
  const before = process.cpuUsage();
  const metrics = createMetrics();
  const names = ['min', 'max', 'mean', 'stddev'].map(
    (name) => `nodejs_eventloop_lag_${name}_seconds`,
  );
  const [cpu = 0, user = 0, system = 0, ...lags] = await numbers(
    metrics,
    'process_cpu_seconds_total',
    'process_cpu_user_seconds_total',
    'process_cpu_system_seconds_total',
    ...names,
  );
  assert.ok(cpu >= (before.user + before.system) / 1e6);
  assert.ok(user >= before.user / 1e6 && system >= before.system / 1e6);
  assert.equal(lags.length, 4);
  for (const lag of lags) assert.ok(lag >= 0 && lag < 3600, String(lags));
});

async function numbers(metrics: Metrics, ...names: readonly string[]): Promise<number[]> {
  const registry = await metrics.registry();
  const all = await registry.getMetricsAsJSON();
  return names.map((name) => Number(all.find((each) => each.name === name)?.values[0]?.value));
}
