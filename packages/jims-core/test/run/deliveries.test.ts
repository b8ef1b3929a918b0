import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import { sendDeliveriesBy, subscriptionsOf } from '../../src/app/deliveries.ts';
import { DELIVERED_FOR_MS, DELIVERY_PAUSES_MS, Deliveries } from '../../src/run/deliveries.ts';
import type { SendDelivery } from '../../src/run/deliveries.ts';
import type { DeliveryOutcome, TakenDelivery } from '../../src/store/store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { eventually } from '../support/eventually.ts';

const SUBSCRIPTION = { kind: 'test', owner: 'me', name: 'mine', config: {} };

function delivery(n: number, parts: Partial<TakenDelivery> = {}): TakenDelivery {
  const createdAt = new Date().toISOString();
  const subscription = { ...SUBSCRIPTION, chainId: `chain ${n}`, createdAt };
  const ids = { deliveryId: `${n}`, claim: `claim ${n}`, runId: `run ${n}` };
  return { ...ids, subscription, change: 'ended', createdAt, attempt: 1, ...parts };
}

interface Sent {
  readonly outcomes: ReadonlyMap<string, DeliveryOutcome>;
  readonly counts: readonly string[];
}

/** What becomes of these deliveries. */
async function sendAll(due: readonly TakenDelivery[], send: SendDelivery): Promise<Sent> {
  const waiting = [...due];
  const outcomes = new Map<string, DeliveryOutcome>();
  const counts: string[] = [];
  const deliveries = new Deliveries();
  deliveries.sendBy('test', send);
  deliveries.open({
    store: {
      takeDeliveries: async ({ limit }) => waiting.splice(0, limit),
      async endDelivery({ deliveryId }, outcome) {
        outcomes.set(deliveryId, outcome);
        return 'stored';
      },
    },
    logger: silentLogger,
    metrics: { countDelivery: (kind, outcome) => void counts.push(`${kind} ${outcome}`) },
  });
  deliveries.lookSoon();
  await eventually(() => counts.length === due.length);
  await deliveries.close();
  return { outcomes, counts };
}

test('what fails is sent again after longer and longer pauses, for three days', async () => {
  let ageMs = 0;
  const pauses: number[] = [];
  for (let attempt = 1; ; attempt++) {
    const createdAt = new Date(Date.now() - ageMs).toISOString();
    const failing = async () => ({ kind: 'failed', reason: 'away' }) as const;
    const { outcomes } = await sendAll([delivery(1, { attempt, createdAt })], failing);
    const outcome = outcomes.get('1');
    if (outcome?.kind !== 'failed') {
      assert.deepEqual(outcome, { kind: 'dead', error: 'away' });
      break;
    }
    pauses.push(outcome.retryInMs);
    ageMs += outcome.retryInMs;
  }
  assert.deepEqual(pauses.slice(0, DELIVERY_PAUSES_MS.length), DELIVERY_PAUSES_MS);
  assert.deepEqual(
    pauses,
    pauses.toSorted((a, b) => a - b),
  );
  assert.ok(ageMs > DELIVERED_FOR_MS * 0.75 && ageMs <= DELIVERED_FOR_MS);
});

test('what is gone is not sent again, what need not be sent is done, and what throws is tried again', async () => {
  const results: Readonly<Record<string, Awaited<ReturnType<SendDelivery>>>> = {
    1: { kind: 'sent' },
    2: { kind: 'outdated' },
    3: { kind: 'failed', reason: 'gone', isFinal: true },
  };
  const { outcomes, counts } = await sendAll(
    [1, 2, 3, 4].map((n) => delivery(n)),
    async (each) => {
      const result = results[each.deliveryId];
      if (!result) throw new Error('secret');
      return result;
    },
  );
  assert.deepEqual(outcomes.get('1'), { kind: 'sent' });
  assert.deepEqual(outcomes.get('2'), { kind: 'sent' });
  assert.deepEqual(outcomes.get('3'), { kind: 'dead', error: 'gone' });
  const thrown = outcomes.get('4');
  assert.ok(thrown?.kind === 'failed' && !thrown.error.includes('secret'));
  assert.deepEqual(counts.toSorted(), ['test dead', 'test failed', 'test outdated', 'test sent']);
});

test('some are sent at a time, and a slow one keeps no other waiting', async () => {
  let now = 0;
  let most = 0;
  const slow = Promise.withResolvers<void>();
  const all = Array.from({ length: 100 }, (_, n) => delivery(n));
  let count = 0;
  const { counts } = await sendAll(all, async ({ deliveryId }) => {
    most = Math.max(most, ++now);
    if (++count === all.length) slow.resolve();
    if (deliveryId === '0') await slow.promise;
    else await new Promise(setImmediate);
    now--;
    return { kind: 'sent' };
  });
  assert.equal(counts.length, 100);
  assert.ok(most > 1 && most <= 32);
});

test('a process that stops waits a moment for what it sends, and leaves it to others', async () => {
  const deliveries = new Deliveries();
  const begun = Promise.withResolvers<void>();
  const due = [delivery(1)];
  let isStored = false;
  deliveries.sendBy('test', async (_, signal) => {
    begun.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return { kind: 'failed', reason: 'aborted' };
  });
  deliveries.open({
    store: {
      takeDeliveries: async () => due.splice(0),
      async endDelivery() {
        isStored = true;
        return 'stored';
      },
    },
    logger: silentLogger,
    metrics: { countDelivery() {} },
  });
  deliveries.lookSoon();
  await begun.promise;
  await deliveries.close();
  assert.equal(isStored, false);
});

test('an app sends what its runs end with as soon as they end, and nothing after it is closed', async () => {
  const sent: string[] = [];
  const app = defineApp({ store: 'sqlite::memory:', pipeline: (ctx) => ctx.sendMessage('Hello') });
  sendDeliveriesBy(app, 'test', async ({ runId }) => {
    sent.push(runId);
    return { kind: 'sent' };
  });
  const run = await app.runs.start({ contactId: 'a', message: 'Hi' });
  const { subscribe, subscriptions, unsubscribe } = await subscriptionsOf(app);
  const subscription = { ...SUBSCRIPTION, chainId: run.id };
  assert.equal(await subscribe(subscription), 'stored');
  await run.end;
  await eventually(() => sent.length === 1);
  assert.deepEqual(sent, [run.id]);
  assert.equal((await subscriptions(subscription)).length, 1);
  await unsubscribe(subscription);
  assert.deepEqual(await subscriptions(subscription), []);
  await app.close();
});
