import assert from 'node:assert/strict';
import { test } from 'node:test';

import { removeOld } from '../../src/run/retention.ts';
import type { PurgeLimits, PurgeResult } from '../../src/store/store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

test('it removes batch after batch, and forgets the threads that are removed', async () => {
  const { remove, dropped, purges } = open([
    { threadIds: ['a', 'b'], runs: 0, more: true },
    { threadIds: [], runs: 5, more: true },
    { threadIds: ['c'], runs: 0, more: false },
  ]);
  await remove();
  assert.deepEqual(dropped, ['a', 'b', 'c']);
  assert.deepEqual(
    purges.map(({ idleThreadsMs }) => idleThreadsMs),
    [1000, 1000, 1000],
  );
});

test('without a retention threads are never idle', async () => {
  const { remove, purges } = open([{ threadIds: [], runs: 0, more: false }], {
    retentionMs: undefined,
  });
  await remove();
  assert.equal(purges[0] && 'idleThreadsMs' in purges[0], false);
});

test('it stops after the batch in which it is closed', async () => {
  const { remove, purges } = open([
    { threadIds: [], runs: 0, more: true },
    { threadIds: [], runs: 0, more: true },
  ]);
  const closing = new AbortController();
  const removing = remove(closing.signal);
  closing.abort();
  await removing;
  assert.equal(purges.length, 1);
});

function open(
  results: readonly PurgeResult[],
  { retentionMs }: { readonly retentionMs: number | undefined } = { retentionMs: 1000 },
): {
  readonly remove: (signal?: AbortSignal) => Promise<void>;
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
  const files = { eraseLeft: async () => {} };
  const logger = silentLogger;
  return {
    remove: (signal = new AbortController().signal) =>
      removeOld({ store, files, limits: { retentionMs }, logger, threads }, signal),
    dropped,
    purges,
  };
}
