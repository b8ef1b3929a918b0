import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from '../../src/app/app.ts';
import { JimsError, isJimsError } from '../../src/errors/jims-error.ts';
import { Lease } from '../../src/run/lease.ts';
import { openStore } from '../../src/store/open-store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { eventually } from '../support/eventually.ts';
import { freshDatabase, withClient } from '../support/postgres.ts';
import { question } from '../support/store-user.ts';

const LEASE_MS = 15_000;

describe('after an outage as long as the lease', () => {
  test('nobody ends the runs of others before all living processes could renew their leases', async (t) => {
    const process = await leaseInTest(t);
    await process.pass(20_000);
    assert.ok(process.looks > 8, 'without an outage it looks every two seconds');
    process.store.isAway = true;
    await process.pass(16_000);
    const { looks } = process;
    process.store.isAway = false;
    await process.pass(6000);
    assert.ok(process.renewals > 1);
    assert.equal(process.looks, looks);
    await process.pass(5000);
    assert.ok(process.looks > looks);
    await process.lease.end();
  });

  test('an outage too short for a lease to end delays nothing', async (t) => {
    const process = await leaseInTest(t);
    process.store.isAway = true;
    await process.pass(4000);
    process.store.isAway = false;
    const { looks } = process;
    await process.pass(3000);
    assert.ok(process.looks > looks);
    await process.lease.end();
  });

  test('the lease is renewed as soon as the store answers again', async (t) => {
    const process = await leaseInTest(t);
    process.store.isAway = true;
    await process.pass(17_100);
    const { renewals } = process;
    process.store.isAway = false;
    await process.pass(600);
    assert.ok(process.renewals > renewals);
    await process.lease.end();
  });

  test('a run waits until the lease of its process is renewed, and is refused where it cannot be', async (t) => {
    const process = await leaseInTest(t);
    const { renewals } = process;
    await process.lease.hold();
    assert.equal(process.renewals, renewals, 'a lease that lasts is not renewed for a run');
    process.store.isAway = true;
    await process.pass(17_000);
    const isRefused = (error: unknown): boolean =>
      isJimsError(error) && error.code === 'store_unavailable';
    await assert.rejects(process.lease.hold(), isRefused);
    process.store.isAway = false;
    await Promise.all([process.lease.hold(), process.lease.hold()]);
    assert.equal(process.renewals, renewals + 1, 'one renewal is for all runs that wait');
    await process.lease.end();
  });

  test('a run is not lost that a living process accepts before its next renewal', async () => {
    await using database = await freshDatabase();
    const end = Promise.withResolvers<void>();
    await using app = defineApp({
      store: await openStore(database.url),
      pipeline: () => end.promise,
    });
    await app.open({ limits: { leaseMs: 3000 } });
    const { thread } = await app.threads.ensure({ contactId: randomUUID() });
    // Another process of the service: it looks only when it is to.
    const other = await openStore(database.url);
    const lost = async (): Promise<number> => (await other.reapRuns()).lost;
    const starting = await withClient(database.url, async (client) => {
      // Only renewals wait for this lock.
      await client.query('begin; select from jims.instances for update');
      await eventually(async () => {
        const over = 'select from jims.instances where lease_until <= clock_timestamp()';
        return (await client.query(over)).rowCount === 1;
      });
      const accepted = app.runs.start({
        thread: { kind: 'thread', threadId: thread.id },
        incoming: question('asked'),
      });
      await Promise.race([accepted, sleep(500)]);
      assert.equal(await lost(), 0);
      await client.query('commit');
      return { accepted };
    });
    const run = await starting.accepted;
    assert.equal(await lost(), 0);
    end.resolve();
    assert.equal((await run.end).type, 'result');
    await other.close();
  });
});

/** A lease on a store that may be away, by a clock of its own. */
async function leaseInTest(t: TestContext) {
  const store = { isAway: false };
  const counts = { renewals: 0, looks: 0 };
  let now = 1_000_000;
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.mock.method(performance, 'now', () => now);
  const answer = async (): Promise<void> => {
    if (store.isAway) throw new JimsError('store_unavailable', 'away');
  };
  const lease = new Lease({
    store: {
      async renewLease() {
        await answer();
        counts.renewals++;
      },
      async reapRuns() {
        await answer();
        counts.looks++;
        return { lost: 0, started: [], recovered: [] };
      },
      listen: answer,
      endLease: answer,
      durableRunsOf: async () => [],
      releaseRun: async () => 'fenced',
    },
    instanceId: randomUUID(),
    leaseMs: LEASE_MS,
    logger: silentLogger,
    runs: { stopAll() {} },
    turns: { hint() {}, started() {}, async checkOwners() {}, async acceptsOver() {} },
    recovery: {
      about: { durable: false, draining: false },
      request: { instanceId: randomUUID(), recovers: 'none', places: 0, suspects: 0 },
      found: () => false,
    },
    engine: { recover() {}, has: () => false },
  });
  await lease.take();
  return {
    lease,
    store,
    get renewals() {
      return counts.renewals;
    },
    get looks() {
      return counts.looks;
    },
    async pass(ms: number): Promise<void> {
      for (const until = now + ms; now < until;) {
        now += 100;
        t.mock.timers.tick(100);
        // What a timer began is over before the next one.
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      }
    },
  };
}
