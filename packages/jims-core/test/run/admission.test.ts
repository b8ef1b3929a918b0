import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Admission } from '../../src/run/admission.ts';
import { DEFAULT_RUN_LIMITS } from '../../src/run/run-limits.ts';
import type { RunLimits } from '../../src/run/run-limits.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

test('a process takes as many runs as it may have, and one caller their share', () => {
  const admission = open({ maxRuns: 3, maxRunsPerCaller: 1 });
  const leave = admission.enter('anna');
  assert.ok(admission.isFull('anna'));
  assert.throws(() => admission.enter('anna'), { code: 'too_many_runs' });
  admission.enter('bob');
  admission.enter(undefined);
  assert.throws(() => admission.enter('carol'), { code: 'overloaded' });
  leave();
  assert.equal(admission.isFull('anna'), false);
  admission.enter('anna');
});

test('a share that is not set is a tenth', () => {
  const admission = open({ maxRuns: 20, maxRunsPerCaller: undefined });
  admission.enter('anna');
  assert.equal(admission.isFull('anna'), false);
  admission.enter('anna');
  assert.ok(admission.isFull('anna'));
});

test('a closed process takes no runs, and is empty when the last one has left', async () => {
  const admission = open({ maxRuns: 3 });
  assert.equal(await admission.emptyWithin(0), true);
  const [first, second] = [admission.enter(undefined), admission.enter(undefined)];
  admission.close();
  assert.throws(() => admission.enter(undefined), { code: 'shutting_down' });
  first();
  assert.equal(await admission.emptyWithin(0), false);
  const empty = admission.emptyWithin(60_000);
  second();
  assert.equal(await empty, true);
});

function open(limits: Partial<RunLimits>): Admission {
  return new Admission({ ...DEFAULT_RUN_LIMITS, ...limits }, createMetrics());
}
