import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { openStore } from '../../../src/store/open-store.ts';
import type { AcceptedRun, JournalEntry } from '../../../src/store/store.ts';
import { DURABLE, chainOf, entryOf, reap } from '../../support/durable-runs.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { withClient } from '../../support/postgres.ts';
import { latestOf, storeUser } from '../../support/store-user.ts';

const RACES = Number(process.env['JIMS_FENCE_RACES'] ?? 60);

test('what was stored for a process is read by the process that takes its run over', async (t) => {
  await using database = await emptiedDatabase();
  await using oldStore = await openStore(database.url);
  await using newStore = await openStore(database.url);
  const taker = await storeUser(newStore);
  let stored = 0;
  for (let race = 0; race < RACES; race++) {
    // Many races take longer than a lease.
    await newStore.renewLease(taker.instanceId, 60_000);
    const owner = await storeUser(oldStore);
    const run = await owner.accept('Hello', { ...DURABLE, thread: latestOf(`customer:${race}`) });
    const kept: JournalEntry[] = [];
    // Writes one entry after the other until it is fenced out.
    const writing = (async () => {
      for (let seq = 0; ; seq++) {
        const entry = entryOf(run, seq);
        if ((await oldStore.storeEntries(owner.owner(run), [entry])) === 'fenced') return;
        kept.push(entry);
      }
    })();
    await untilWritten(kept, race % 4);
    await newStore.endLease(owner.instanceId);
    const loaded = await takenEntries(run);
    await writing;
    assert.deepEqual(loaded, kept, `race ${race}`);
    stored += kept.length;
  }
  assert.ok(stored >= RACES);
  t.diagnostic(`${stored} results in ${RACES} races`);

  /** Takes the run over, and reads its journal at once. */
  async function takenEntries(run: AcceptedRun): Promise<readonly JournalEntry[]> {
    const { recovered } = await reap(taker);
    assert.deepEqual(
      recovered.map(({ runId, attempt }) => [runId, attempt]),
      [[run.runId, 2]],
    );
    return (await chainOf(newStore, run.runId)).entries;
  }
});

test('a process that takes a run over waits for a result that is being stored', async () => {
  await using database = await emptiedDatabase();
  await using oldStore = await openStore(database.url);
  await using newStore = await openStore(database.url);
  const owner = await storeUser(oldStore);
  const taker = await storeUser(newStore);
  const run = await owner.accept('Hello', DURABLE);
  const entry = entryOf(run, 0);
  await withClient(database.url, async (client) => {
    // No entry can be written until this is over, but everything can be read.
    await client.query('BEGIN; LOCK TABLE jims.journal IN SHARE MODE');
    const storing = oldStore.storeEntries(owner.owner(run), [entry]);
    await untilWaiting(client, 1);
    await newStore.endLease(owner.instanceId);
    const taken = reap(taker).then(() => chainOf(newStore, run.runId));
    await Promise.race([taken, untilWaiting(client, 2)]);
    await client.query('COMMIT');
    assert.notEqual(await storing, 'fenced');
    assert.deepEqual((await taken).entries, [entry]);
  });
});

/** Waits until so many other connections wait for a lock. */
async function untilWaiting(client: Client, count: number): Promise<void> {
  const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  for (;;) {
    const { rows } = await client.query<{ count: number }>(waiting);
    if (rows[0] && rows[0].count >= count) return;
    await sleep(5);
  }
}

async function untilWritten(kept: readonly JournalEntry[], count: number): Promise<void> {
  while (kept.length < count) await new Promise((resolve) => setImmediate(resolve));
}
