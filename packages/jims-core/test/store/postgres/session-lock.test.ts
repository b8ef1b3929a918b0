import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { openStore } from '../../../src/store/open-store.ts';
import { eventually } from '../../support/eventually.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';
import { storeUser } from '../../support/store-user.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';

/** Much longer than a test: nothing here is found dead by its lease. */
const LEASE_MS = 3_600_000;

/** A process that runs a run for ever, and prints its id. */
const PROCESS = `
import { defineApp } from 'jims-core';
const app = defineApp({ pipeline: () => new Promise(() => {}) });
await app.open({ store: process.argv[1], limits: { leaseMs: ${LEASE_MS}, timeoutMs: ${LEASE_MS} } });
const run = await app.runs.start({ contactId: 'customer:42', message: 'hello' });
console.log(run.id);
setInterval(() => {}, 1000);
`;

test('a process that was killed is known to be dead long before its lease runs out', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const args = ['--conditions=@jims/source', '--input-type=module', '-e', PROCESS, database.url];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [runId] = await once(child.stdout, 'data');
  await eventually(async () => (await lockedProcesses(database.url)) === 1);
  child.kill('SIGKILL');
  await once(child, 'exit');

  await eventually(async () => {
    await store.reapRuns();
    return (await store.run(String(runId).trim()))?.status === 'failed';
  });

  assert.equal((await store.run(String(runId).trim()))?.error?.code, 'lost');
});

test('a living process whose connection was cut keeps its runs, and holds its lock again', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  await using other = await openStore(database.url);
  const user = await storeUser(store);
  await store.renewLease(user.instanceId, LEASE_MS);
  await store.listen(user.instanceId, () => {});
  const { runId } = await user.accept('hello');
  await eventually(async () => (await lockedProcesses(database.url)) === 1);

  await withClient(database.url, (client) =>
    client.query(`select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
      where locktype = 'advisory' and datname = current_database()`),
  );
  for (let look = 0; look < 4; look++) {
    await other.reapRuns();
    await sleep(500);
  }

  assert.equal((await store.run(runId))?.status, 'running');
  await eventually(async () => (await lockedProcesses(database.url)) === 1);
});

for (const isHeard of [true, false]) {
  const of = isHeard ? '' : ', of whose lock it had not heard that it is known';
  test(`a living process keeps its runs after an outage in which the database went on${of}`, async () => {
    await using database = await freshDatabase();
    await using network = await openTcpProxy(database.url);
    await using store = await openStore(network.url);
    await using other = await openStore(database.url);
    const user = await storeUser(store);
    await store.renewLease(user.instanceId, LEASE_MS);
    const { runId } = await user.accept('hello');
    if (!isHeard) network.loseNextAnswer('set locked_since');
    await store.listen(user.instanceId, () => {});
    await eventually(async () => (await lockedProcesses(database.url)) === 1);

    // It listens again three seconds after the end of this, at the earliest.
    network.cut();
    await sleep(4000);
    network.restore();
    await sleep(1000);
    for (let look = 0; look < 4; look++) {
      await other.reapRuns();
      await sleep(500);
    }

    assert.equal((await store.run(runId))?.status, 'running');
  });
}

test('what its own lock shows wakes nobody', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  let wakes = 0;
  await store.renewLease(user.instanceId, LEASE_MS);
  await store.listen(user.instanceId, () => wakes++);
  await eventually(async () => (await lockedProcesses(database.url)) === 1);
  assert.equal(wakes, 0);
});

/** How many processes the database knows as holding a lock, and do. */
async function lockedProcesses(url: string): Promise<number> {
  const { rows } = await withClient(url, (client) =>
    client.query(`select count(*)::integer as count from jims.instances
      where locked_since is not null and exists (
        select from pg_locks where locktype = 'advisory' and granted
          and database = (select oid from pg_database where datname = current_database()))`),
  );
  return Number(rows[0]?.count);
}
