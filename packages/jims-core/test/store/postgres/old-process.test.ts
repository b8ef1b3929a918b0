import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import type { Client } from 'pg';

import { openStore } from '../../../src/store/open-store.ts';
import { NOBODY } from '../../../src/store/store.ts';
import type { AcceptedRun, Store } from '../../../src/store/store.ts';
import { newId } from '../../../src/thread/new-id.ts';
import {
  DURABLE,
  OPEN,
  ask,
  chainOf,
  entryOf,
  recoverOne,
  stateOf,
} from '../../support/durable-runs.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';
import { conversation, keyOf, latestOf, storeUser } from '../../support/store-user.ts';
import type { StoreUser } from '../../support/store-user.ts';

// While a deployment is under way, processes of the version before go on with the statements that they know.

test('a message that an old process accepts answers nothing, and the question stays open', async () => {
  await withBoth(async ({ user, old }) => {
    const run = await user.accept('Hello', DURABLE);
    const question = await ask(user, run);
    const accepted = await old.accept('Yes', run);
    assert.equal(accepted['status'], 'running');
    const record = await user.store.run(accepted.runId);
    assert.deepEqual([record?.continues, record?.durable], [undefined, false]);
    assert.equal((await stateOf(user.store, question)).state, 'open');
    const { next, times } = await old.finish(accepted.runId, run);
    assert.deepEqual([next, times.length], [null, 1]);
    assert.equal((await user.accept('Yes', OPEN)).chain?.continues, question.questionId);
    assert.deepEqual(await conversation(user.store, run.thread.id), [
      'Hello',
      'Sure?',
      'Yes',
      'from an old process',
      'Yes',
    ]);
  });
});

test('an old process marks runs lost that are not durable, and leaves the others to those that recover', async () => {
  await withBoth(async ({ user, old }) => {
    const { store } = user;
    const dead = await storeUser(store);
    const durable = await dead.accept('one', { ...DURABLE, thread: latestOf('a') });
    const other = await dead.accept('two', { thread: latestOf('b') });
    await store.storeEntries(dead.owner(durable), [entryOf(durable, 0)]);
    await store.endLease(dead.instanceId);
    const { lost, started } = await old.reap();
    assert.deepEqual([lost, started], [1, []]);
    assert.equal((await store.run(other.runId))?.error?.code, 'lost');
    assert.equal((await store.run(durable.runId))?.status, 'running');
    const recovered = await recoverOne(user);
    assert.deepEqual([recovered.runId, recovered.attempt], [durable.runId, 2]);
    assert.equal((await chainOf(store, durable.runId)).entries.length, 1);
  });
});

test('an old process lets no question expire', async () => {
  await withBoth(async ({ user, old }) => {
    const question = await ask(user, await user.accept('Hello'), { expiresInMs: 0 });
    await old.reap();
    assert.equal((await stateOf(user.store, question)).state, 'open');
    await recoverOne(user);
    assert.equal((await stateOf(user.store, question)).state, 'expired');
  });
});

test('a durable run of a dead process that comes after a run of an old process is not lost', async () => {
  await withBoth(async ({ user, old }) => {
    const dead = await storeUser(user.store);
    const first = await user.accept('one');
    const running = await old.accept('two', first);
    assert.equal(running['status'], 'queued');
    const durable = await dead.accept('three', DURABLE);
    await user.store.endLease(dead.instanceId);
    await user.finish(first);
    const { next } = await old.finish(running.runId, first);
    assert.deepEqual(next, { runId: durable.runId, instanceId: NOBODY });
    assert.equal((await recoverOne(user)).runId, durable.runId);
  });
});

test('an old process executes no durable run once more, for its key', async () => {
  await withBoth(async ({ user, old }) => {
    const idempotency = keyOf('k');
    const error = { code: 'store_unavailable', message: 'm' };
    for (const options of [DURABLE, {}]) {
      const own = { ...idempotency, key: randomUUID() };
      const run = await user.accept('Hello', { ...options, idempotency: own });
      await user.finish(run, [], { status: 'failed', error });
      const again = await old.accept('Hello', run, own);
      assert.equal(again['kind'], 'durable' in options ? 'existing' : 'accepted');
      assert.equal(again.runId, run.runId);
    }
  });
});

test('a message that waits in an old process is not an early answer', async () => {
  await withBoth(async ({ user, old }) => {
    const run = await user.accept('Hello');
    const first = await old.accept('yes', run);
    const second = await user.accept('yes!');
    const question = await ask(user, run, { early: true });
    assert.equal((await user.store.question(question.questionId))?.answeredBy, second.runId);
    assert.equal((await user.store.run(first.runId))?.continues, undefined);
  });
});

test('the end of a run of an old process is to be delivered to those that subscribed to it', async () => {
  await withBoth(async ({ user: { store, ...user }, old }) => {
    const run = await user.accept('one');
    const second = await old.accept('two', run);
    const names = { kind: 'test', owner: 'me', name: 'mine', config: {} };
    assert.equal(await store.subscribe({ ...names, chainId: second.runId }), 'stored');
    await user.finish(run);
    await old.finish(second.runId, run);
    const [taken] = await store.takeDeliveries({ kinds: ['test'], leaseMs: 1000, limit: 10 });
    assert.equal(taken?.runId, second.runId);
  });
});

test('a durable run whose request was not answered is given up, not ended', async () => {
  await withBoth(async ({ user, client }) => {
    const idempotency = keyOf('k');
    const run = await user.accept('Hello', { ...DURABLE, idempotency });
    const abandon = `select jims.abandon_request($1, $2, $3, $4) as found`;
    const values = [run.runId, user.instanceId, idempotency.scope, idempotency.key];
    const { rows } = await client.query<{ found: object | null }>(abandon, values);
    assert.ok(rows[0]?.found);
    assert.equal((await user.store.run(run.runId))?.instanceId, NOBODY);
    const recovered = await recoverOne(user);
    assert.deepEqual([recovered.runId, recovered.recoveries], [run.runId, 0]);
    await client.query(abandon, values);
    assert.equal((await user.store.run(run.runId))?.instanceId, user.instanceId);
  });
});

test('the purge of an old process keeps what a chain with an open question needs', async () => {
  await withBoth(async ({ user, client }) => {
    const run = await user.accept('Hello', DURABLE);
    const question = await ask(user, run);
    const done = await user.accept('other', { thread: latestOf('b') });
    await user.finish(done);
    await client.query('select pg_sleep(0.01), jims.purge(1, 1, 1, 100, 100, null, null)');
    await client.query('select jims.purge(1, 1, 1, 100, 100, null, null)');
    assert.equal(await user.store.run(done.runId), undefined);
    assert.equal((await stateOf(user.store, question)).state, 'open');
    assert.equal((await user.accept('Yes', OPEN)).chain?.chainId, run.runId);
  });
});

interface Both {
  readonly user: StoreUser;
  readonly client: Client;
  readonly old: OldProcess;
}

/** What an old process sends. */
interface OldProcess {
  accept(
    text: string,
    after: AcceptedRun,
    key?: { readonly scope: string; readonly key: string; readonly fingerprint: string },
  ): Promise<{ readonly runId: string; readonly [member: string]: unknown }>;
  finish(
    runId: string,
    inThreadOf: AcceptedRun,
  ): Promise<{ readonly next: object | null; readonly times: readonly string[] }>;
  reap(): Promise<{ readonly lost: number; readonly started: readonly object[] }>;
}

async function withBoth(use: (both: Both) => Promise<void>): Promise<void> {
  await using database = await freshDatabase();
  await using store: Store = await openStore(database.url);
  const user = await storeUser(store);
  await withClient(database.url, async (client) => {
    await use({ user, client, old: await oldProcess(client) });
  });
}

async function oldProcess(client: Client): Promise<OldProcess> {
  const instanceId = randomUUID();
  await client.query(
    `insert into jims.instances (instance_id, lease_until) values ($1, now() + interval '1 minute')
     on conflict (instance_id) do update set lease_until = excluded.lease_until`,
    [instanceId],
  );

  async function call<T>(name: string, values: readonly unknown[]): Promise<T> {
    const placeholders = values.map((_, index) => `$${index + 1}`).join();
    const sql = `select jims.${name}(${placeholders}) as result`;
    const { rows } = await client.query<{ result: T }>(sql, [...values]);
    const [row] = rows;
    assert.ok(row);
    return row.result;
  }

  return {
    accept: (text, { thread }, key) =>
      call('accept_run', [
        newId(),
        instanceId,
        thread.id,
        ...nulls(12),
        'comm.user_message',
        JSON.stringify({ role: 'user', content: text }),
        false,
        'queue',
        100,
        key?.scope,
        key?.key,
        key?.fingerprint,
        3_600_000,
        ...nulls(3),
      ]),
    finish: (runId, { thread }) =>
      call('finish_run', [
        runId,
        1,
        thread.id,
        instanceId,
        'completed',
        [newId()],
        ['comm.assistant_message'],
        [JSON.stringify({ role: 'assistant', content: 'from an old process' })],
        ...nulls(3),
        1,
        [],
        [],
      ]),
    reap: () => call('reap_runs', []),
  };
}

function nulls(count: number): readonly null[] {
  return Array.from({ length: count }, () => null);
}
