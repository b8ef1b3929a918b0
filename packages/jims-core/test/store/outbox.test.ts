import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

import { openStore } from '../../src/store/open-store.ts';
import { MAX_SUBSCRIPTIONS } from '../../src/store/store.ts';
import type { AcceptedRun, NewSubscription, Store, TakenDelivery } from '../../src/store/store.ts';
import { newId } from '../../src/thread/new-id.ts';
import { DURABLE, OPEN, ask, recoverOne } from '../support/durable-runs.ts';
import { withClient } from '../support/postgres.ts';
import { freshStore, latestOf, storeUser } from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const KIND = 'test';
const TAKE = { kinds: [KIND], leaseMs: 60_000, limit: 10 };

function to(chain: Pick<AcceptedRun, 'runId'>, name = 'mine', owner = 'me'): NewSubscription {
  return { chainId: chain.runId, kind: KIND, owner, name, config: { url: `https://x/${name}` } };
}

async function takeOne(store: Store): Promise<TakenDelivery> {
  const [taken, ...others] = await store.takeDeliveries(TAKE);
  assert.ok(taken);
  assert.deepEqual(others, []);
  return taken;
}

/** Takes and ends deliveries until none is due: what changed, in this order. */
async function drain(store: Store): Promise<readonly string[]> {
  const changes: string[] = [];
  for (;;) {
    const taken = await store.takeDeliveries(TAKE);
    if (taken.length === 0) return changes;
    for (const delivery of taken) {
      changes.push(`${delivery.change} ${delivery.runId}`);
      assert.equal(await store.endDelivery(delivery, { kind: 'sent' }), 'stored');
    }
  }
}

async function subscribed(user: StoreUser, run: AcceptedRun, name?: string): Promise<void> {
  assert.equal(await user.store.subscribe(to(run, name)), 'stored');
}

describeStores((kind) => {
  test('a run that ends is to be delivered to those who subscribed to its chain, and to nobody else', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    const other = await user.accept('two', { thread: latestOf('b') });
    await subscribed(user, run, 'first');
    await subscribed(user, run, 'second');
    await user.finish(other, ['2']);
    assert.deepEqual(await store.takeDeliveries(TAKE), []);
    await user.finish(run, ['1']);
    assert.deepEqual(await store.takeDeliveries({ ...TAKE, kinds: ['another'] }), []);
    const taken = await store.takeDeliveries(TAKE);
    const names = taken.map(({ subscription }) => subscription.name);
    assert.deepEqual(names.toSorted(), ['first', 'second']);
    const [delivery] = taken;
    assert.ok(delivery);
    const { subscription, runId, change, attempt, createdAt } = delivery;
    assert.deepEqual([runId, change, attempt], [run.runId, 'ended', 1]);
    assert.equal(subscription.chainId, run.runId);
    assert.deepEqual(subscription.config, { url: `https://x/${subscription.name}` });
    assert.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 60_000);
  });

  for (const status of ['completed', 'failed', 'cancelled'] as const) {
    test(`so is a run that is ${status}`, async () => {
      await using user = await freshStore(kind);
      const run = await user.accept('one');
      await subscribed(user, run);
      await user.finish(run, [], { status });
      assert.deepEqual(await drain(user.store), [`ended ${run.runId}`]);
    });
  }

  test('so is one that nobody ends: its process died, or it was withdrawn while it waited', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const lost = await dead.accept('one');
    const queued = await user.accept('two');
    await subscribed(user, lost);
    await subscribed(user, queued);
    await user.finish(queued, [], { status: 'cancelled' });
    assert.deepEqual(await store.takeDeliveries(TAKE), []);
    await store.endLease(dead.instanceId);
    await store.reapRuns();
    const changes = await drain(store);
    assert.deepEqual(
      changes.toSorted(),
      [`ended ${lost.runId}`, `ended ${queued.runId}`].toSorted(),
    );
  });

  test('a chain that asks, is answered and ends is delivered in this order', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const first = await user.accept('one', DURABLE);
    await subscribed(user, first);
    await ask(user, first);
    const second = await user.accept('Yes', OPEN);
    await user.finish(second, ['done']);
    // Nobody gets the second one while the first is not over.
    const head = await takeOne(store);
    assert.deepEqual(await store.takeDeliveries(TAKE), []);
    assert.equal(head.runId, first.runId);
    await store.endDelivery(head, { kind: 'sent' });
    assert.deepEqual(await drain(store), [`ended ${second.runId}`]);
  });

  test('a question that is withdrawn ends its chain, unless the pipeline goes on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const silent = await user.accept('one', { ...DURABLE, thread: latestOf('silent') });
    await subscribed(user, silent);
    await ask(user, silent);
    await store.requestCancel(silent.runId);
    assert.deepEqual(await drain(store), [`ended ${silent.runId}`, `withdrawn ${silent.runId}`]);
    const noticed = await user.accept('one', { ...DURABLE, thread: latestOf('noticed') });
    await subscribed(user, noticed);
    await ask(user, noticed, { tell: true });
    await user.accept('no', { thread: latestOf('noticed'), answer: { kind: 'decline' } });
    assert.deepEqual(await drain(store), [`ended ${noticed.runId}`]);
  });

  test('a question that expires lets its chain go on: that end is delivered', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('one', DURABLE);
    await subscribed(user, run);
    await ask(user, run, { expiresInMs: 0 });
    assert.deepEqual(await drain(user.store), [`ended ${run.runId}`]);
    const next = await recoverOne(user);
    await user.finish(next, ['over']);
    assert.deepEqual(await drain(user.store), [`ended ${next.runId}`]);
  });

  test('who subscribes when the chain has ended or waits is sent that once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const over = await user.accept('one');
    await user.finish(over, ['1']);
    await subscribed(user, over);
    assert.deepEqual(await drain(store), [`ended ${over.runId}`]);
    await subscribed(user, over);
    assert.deepEqual(await drain(store), []);
    const withdrawn = await user.accept('two', { ...DURABLE, thread: latestOf('b') });
    await ask(user, withdrawn);
    await store.requestCancel(withdrawn.runId);
    await subscribed(user, withdrawn);
    assert.deepEqual(await drain(store), [`withdrawn ${withdrawn.runId}`]);
  });

  test('a failed delivery is due again after its pause, with the same id and what it failed with', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await subscribed(user, run);
    await user.finish(run);
    const first = await takeOne(store);
    await store.endDelivery(first, { kind: 'failed', retryInMs: 3_600_000, error: 'it was away' });
    assert.deepEqual(await store.takeDeliveries(TAKE), []);
    // A new address is tried at once.
    await store.subscribe({ ...to(run), config: { url: 'https://new' } });
    const second = await takeOne(store);
    assert.equal(second.deliveryId, first.deliveryId);
    assert.notEqual(second.claim, first.claim);
    assert.deepEqual([second.attempt, second.subscription.config], [2, { url: 'https://new' }]);
    await store.endDelivery(second, { kind: 'failed', retryInMs: 0, error: 'again' });
    assert.equal((await takeOne(store)).attempt, 3);
  });

  test('a delivery that is given up stays with its error, and those after it are sent', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const first = await user.accept('one', DURABLE);
    await subscribed(user, first);
    await ask(user, first);
    const second = await user.accept('Yes', OPEN);
    await user.finish(second);
    await store.endDelivery(await takeOne(store), { kind: 'dead', error: 'nobody there' });
    assert.deepEqual(await drain(store), [`ended ${second.runId}`]);
    assert.deepEqual(await deliveriesLeft(kind.name, user.url), ['nobody there']);
    while ((await store.purge({ finishedRunsMs: -1000, progressMs: 0, batch: 100 })).more);
    assert.deepEqual(await deliveriesLeft(kind.name, user.url), []);
    assert.deepEqual(await store.subscriptions(to(first)), []);
  });

  test('what a dead process was sending is taken by another one when its lease is over', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await subscribed(user, run);
    await user.finish(run);
    const [first] = await store.takeDeliveries({ ...TAKE, leaseMs: 50 });
    assert.ok(first);
    await sleep(60);
    const second = await takeOne(store);
    assert.equal(second.deliveryId, first.deliveryId);
    assert.equal(await store.endDelivery(first, { kind: 'sent' }), 'fenced');
    assert.equal(await store.endDelivery(second, { kind: 'sent' }), 'stored');
    assert.equal(await store.endDelivery(second, { kind: 'sent' }), 'fenced');
  });

  test('a subscription is its owner’s alone, is replaced by its name, and is no more than so many', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await subscribed(user, run, 'a');
    await store.subscribe(to(run, 'a', 'somebody else'));
    await store.subscribe({ ...to(run, 'a'), config: { url: 'https://new', note: 'ü\u{1f600}' } });
    const [own, ...more] = await store.subscriptions(to(run));
    assert.deepEqual(more, []);
    assert.deepEqual(own?.config, { url: 'https://new', note: 'ü\u{1f600}' });
    for (let n = 2; n < MAX_SUBSCRIPTIONS; n++) await subscribed(user, run, `n${n}`);
    assert.equal(await store.subscribe(to(run, 'one more')), 'too_many_subscriptions');
    assert.equal(await store.subscribe(to(run, 'a')), 'stored');
    await store.unsubscribe(to(run, 'a', 'a third'));
    assert.equal((await store.subscriptions(to(run))).length, MAX_SUBSCRIPTIONS - 1);
    await user.finish(run);
    await store.unsubscribe(to(run, 'a'));
    await store.unsubscribe(to(run, 'a'));
    const names = (await store.takeDeliveries(TAKE)).map(({ subscription }) => subscription.name);
    assert.equal(names.length, MAX_SUBSCRIPTIONS - 1);
    for (const chainId of [newId(), 'no id']) {
      assert.equal(await store.subscribe(to({ runId: chainId })), 'chain_not_found');
      assert.deepEqual(await store.subscriptions(to({ runId: chainId })), []);
      await store.unsubscribe(to({ runId: chainId }));
    }
  });

  test('a thread that is erased takes its subscriptions along, and what was to be sent', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const secret = `secret-${randomUUID()}`;
    const run = await user.accept('one');
    await store.subscribe({ ...to(run, secret), config: { token: secret } });
    await store.subscribe({
      ...to(run, secret),
      config: { token: secret, longer: 'x'.repeat(3000) },
    });
    await user.finish(run);
    const taken = await takeOne(store);
    await store.deleteThreads({ contactId: 'customer:1' });
    assert.equal(await store.endDelivery(taken, { kind: 'sent' }), 'fenced');
    assert.deepEqual(await store.takeDeliveries(TAKE), []);
    assert.deepEqual(await deliveriesLeft(kind.name, user.url), []);
    assert.equal(await store.subscribe(to(run)), 'chain_not_found');
    assert.deepEqual(await store.subscriptions(to(run)), []);
    if (kind.name === 'postgres') return;
    await store.close();
    const file = user.url.replace('sqlite:///', '');
    for (const path of [file, `${file}-wal`].filter((each) => existsSync(each))) {
      assert.ok(!readFileSync(path).includes(secret), path);
    }
  });

  test('several processes never take the same delivery, nor two of one subscription', async () => {
    await using user = await freshStore(kind);
    const more =
      kind.name === 'postgres' ? [await openStore(user.url), await openStore(user.url)] : [];
    const stores = [user.store, ...more];
    const sent: string[] = [];
    const chains = Array.from({ length: 40 }, async (_, n) => {
      const thread = latestOf(`contact ${n}`);
      const first = await user.accept('one', { ...DURABLE, thread });
      await subscribed(user, first);
      await ask(user, first);
      const second = await user.accept('Yes', { ...OPEN, thread });
      await user.finish(second);
      return [first.runId, second.runId];
    });
    const orders = Promise.all(chains);
    const work = stores.map(async (store) => {
      while (sent.length < 80) {
        for (const delivery of await store.takeDeliveries({ ...TAKE, limit: 3 })) {
          sent.push(delivery.runId);
          assert.equal(await store.endDelivery(delivery, { kind: 'sent' }), 'stored');
        }
        await setImmediate();
      }
    });
    const expected = await orders;
    await Promise.all(work);
    assert.deepEqual(await user.store.takeDeliveries(TAKE), []);
    assert.equal(new Set(sent).size, sent.length);
    for (const [first = '', second = ''] of expected) {
      assert.ok(sent.indexOf(first) < sent.indexOf(second));
    }
    for (const store of more) await store.close();
  });
});

async function deliveriesLeft(
  kind: 'sqlite' | 'postgres',
  url: string,
): Promise<readonly string[]> {
  if (kind === 'postgres') {
    const { rows } = await withClient(url, (client) =>
      client.query<{ error: string }>('select error from jims.deliveries'),
    );
    return rows.map(({ error }) => error);
  }
  using db = new DatabaseSync(url.replace('sqlite:///', ''));
  return db
    .prepare('SELECT error FROM jims_deliveries')
    .all()
    .map(({ error }) => String(error));
}
