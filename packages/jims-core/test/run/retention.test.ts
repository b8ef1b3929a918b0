import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RetentionTimer } from '../../src/run/retention.ts';
import type { PurgeLimits, PurgeResult } from '../../src/store/store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

test('it removes batch after batch, and forgets the threads that are removed', async () => {
  const { retention, dropped, purges } = open([
    { threadIds: ['a', 'b'], runs: 0, more: true },
    { threadIds: [], runs: 5, more: true },
    { threadIds: ['c'], runs: 0, more: false },
  ]);
  await retention.purge();
  assert.deepEqual(dropped, ['a', 'b', 'c']);
  assert.deepEqual(
    purges.map(({ idleThreadsMs }) => idleThreadsMs),
    [1000, 1000, 1000],
  );
});

test('without a retention threads are never idle', async () => {
  const { retention, purges } = open([{ threadIds: [], runs: 0, more: false }], {
    retentionMs: undefined,
  });
  await retention.purge();
  assert.equal(purges[0] && 'idleThreadsMs' in purges[0], false);
});

test('it stops after the batch in which it is closed', async () => {
  const { retention, purges } = open([
    { threadIds: [], runs: 0, more: true },
    { threadIds: [], runs: 0, more: true },
  ]);
  const purging = retention.purge();
  retention.close();
  await purging;
  assert.equal(purges.length, 1);
});

function open(
  results: readonly PurgeResult[],
  { retentionMs }: { readonly retentionMs: number | undefined } = { retentionMs: 1000 },
): {
  readonly retention: RetentionTimer;
  readonly dropped: string[];
  readonly purges: PurgeLimits[];
} {
  const dropped: string[] = [];
  const purges: PurgeLimits[] = [];
  const store = {
    async purge(limits: PurgeLimits): Promise<PurgeResult> {
      purges.push(limits);
      const result = results[purges.length - 1];
      assert.ok(result);
      return result;
    },
  };
  const threads = { dropThreads: (ids: readonly string[]) => void dropped.push(...ids) };
  const logger = silentLogger;
  return {
    retention: new RetentionTimer({
      store,
      files: { eraseLeft: async () => {} },
      limits: { retentionMs },
      logger,
      threads,
    }),
    dropped,
    purges,
  };
}
