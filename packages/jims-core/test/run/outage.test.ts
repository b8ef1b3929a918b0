import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Outage, pauseAfter } from '../../src/run/outage.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

test('the log says once that work fails, and once that it works again', () => {
  const lines: string[] = [];
  const log = (_: object, message: string): void => void lines.push(message);
  const outage = new Outage({ ...silentLogger, info: log, warn: log }, 'do it');
  outage.worked();
  outage.failed(new Error('away'));
  outage.failed(new Error('away'));
  assert.equal(outage.failures, 2);
  outage.worked();
  outage.worked();
  assert.equal(outage.failures, 0);
  assert.deepEqual(lines, ['cannot do it', 'can do it again']);
});

test('each pause is twice as long, up to the last', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 1000].map((failures) => pauseAfter(failures, 200, 1000)),
    [200, 400, 800, 1000, 1000],
  );
});
