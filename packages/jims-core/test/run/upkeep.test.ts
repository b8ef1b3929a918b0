import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { UpkeepTimer, inPieces } from '../../src/run/upkeep.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

test('it works again and again, once at a time, also after a failure, until it is closed', async () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_: unknown, text: string) => void warnings.push(text) };
  let begun = 0;
  let atOnce = 0;
  const enough = Promise.withResolvers<void>();
  let closing: AbortSignal | undefined;
  const upkeep = new UpkeepTimer({
    logger,
    task: 'do it',
    everyMs: 1,
    async work(signal) {
      closing = signal;
      begun += 1;
      atOnce += 1;
      assert.equal(atOnce, 1);
      // Longer than the time between two turns.
      await sleep(5);
      atOnce -= 1;
      if (begun === 3) enough.resolve();
      if (begun === 1) throw new Error('at first');
    },
  });
  upkeep.start();
  // Its timer does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  await enough.promise;
  clearInterval(alive);
  upkeep.close();
  const count = begun;
  await sleep(20);
  assert.equal(begun, count);
  assert.equal(closing?.aborted, true);
  assert.deepEqual(warnings, ['cannot do it']);
});

test('pieces follow each other until there are no more, or the signal aborts', async () => {
  let left = 3;
  const piece = async (): Promise<boolean> => --left > 0;
  await inPieces(piece, new AbortController().signal);
  assert.equal(left, 0);
  const closing = new AbortController();
  let pieces = 0;
  await inPieces(async () => {
    pieces += 1;
    closing.abort();
    return true;
  }, closing.signal);
  assert.equal(pieces, 1);
});
