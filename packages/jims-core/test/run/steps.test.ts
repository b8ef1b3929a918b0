// Steps: work that is done once, however often its process dies.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import type { JimsAppOptions } from '../../src/app/options.ts';
import { JimsError } from '../../src/errors/jims-error.ts';
import { isStepFailed } from '../../src/pipeline/step.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import type { RunEvent } from '../../src/run/run-events.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { ThreadEvent } from '../../src/thread/event.ts';
import { MORTAL, crashingStore, living } from '../support/crashing-store.ts';
import { eventually } from '../support/eventually.ts';
import { eventsOf } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

/** What a process asks its store for now and then. */
const UPKEEP: ReadonlySet<string> = new Set(['renewLease', 'reapRuns', 'pollRuns']);

describeStores((kind) => {
  test('a step that is stored is not done again after a crash', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const done: string[] = [];
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      const order = await ctx.step('find', ({ idempotencyKey }) => {
        done.push(`find ${idempotencyKey}`);
        return { total: 5, at: ctx.chainId };
      });
      ctx.sendMessage(`It costs ${order.total}`);
      await ctx.step('pay', ({ idempotencyKey }) => void done.push(`pay ${idempotencyKey}`));
      ctx.sendMessage('Paid');
    };
    const crashing = crashingStore(store);
    crashing.crashAt('storeEntries', 'after', 2);
    const first = defineApp({ durable: true, store: crashing.store, pipeline });
    await first.open(MORTAL);
    const { id, thread } = await first.runs.start({ contactId: randomUUID(), message: 'refund' });
    await eventually(() => crashing.isDead);

    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await ended(second, id);
    assert.deepEqual(done, [`find ${id}/find/1`, `pay ${id}/pay/1`]);
    assert.deepEqual(said(await eventsOf(store, thread.id)), ['refund', 'It costs 5', 'Paid']);
    assert.equal((await store.run(id))?.attempt, 2);
  });

  test('work that was under way is done again with its key, and messages keep their ids', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const keys: string[] = [];
    const ids: string[] = [];
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      ctx.sendMessage('One moment');
      await ctx.sendMessage(pieces('It ', 'works'));
      await ctx.step('charge', ({ idempotencyKey }) => void keys.push(idempotencyKey));
      ids.push(...ctx.outgoingEvents.map((event) => event.id));
    };
    const crashing = crashingStore(store);
    crashing.crashAt('storeEntries', 'before', 2);
    const first = defineApp({ durable: true, store: crashing.store, pipeline });
    await first.open(MORTAL);
    const run = await first.runs.start({ contactId: randomUUID(), message: 'hi' });
    const live: string[] = [];
    for await (const event of run.listen()) {
      if (event.type === 'event') live.push(event.event.id);
      if (live.length === 2) break;
    }
    await eventually(() => crashing.isDead);

    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await ended(second, run.id);
    assert.deepEqual(keys, [`${run.id}/charge/1`, `${run.id}/charge/1`]);
    assert.deepEqual(ids, live);
    const log = await eventsOf(store, run.thread.id);
    assert.deepEqual(said(log), ['hi', 'One moment', 'It works']);
    assert.deepEqual(
      log.slice(-2).map(({ id }) => id),
      live,
    );
  });

  test('a failure is a result: the pipeline gets the same at each execution', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const failures = [
      [new RangeError('no'), ['RangeError', 'no', undefined]],
      [Object.assign(new Error('no'), { code: 'card_declined' }), ['Error', 'no', 'card_declined']],
      [Object.assign(new Error('no'), { code: Number.NaN }), ['Error', 'no', undefined]],
      [Object.assign(new Error('no'), { code: 'a\0' }), ['Error', 'no', 'a\ufffd']],
      [Object.assign(new Error('no'), { name: undefined }), ['undefined', 'no', undefined]],
      [
        Object.assign(new Error('no'), { message: { a: 1 } }),
        ['Error', '[object Object]', undefined],
      ],
      [Object.create(null), ['Error', 'An error that cannot be read', undefined]],
      ['text', ['Error', 'text', undefined]],
    ] as const;
    const caught: unknown[] = [];
    let calls = 0;
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      const executed: unknown[] = [];
      for (const [thrown] of failures) {
        try {
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          await ctx.step('charge', () => {
            calls++;
            throw thrown;
          });
        } catch (error) {
          const isKept = isStepFailed(error);
          executed.push(isKept ? [error.errorName, error.message, error.code] : error);
        }
      }
      caught.push(executed);
      await ctx.step('after', () => {});
      ctx.sendMessage('declined');
    };
    const crashing = crashingStore(store);
    crashing.crashAt('finishRun', 'before');
    const first = defineApp({ durable: true, store: crashing.store, pipeline });
    await first.open(MORTAL);
    const { id } = await first.runs.start({ contactId: randomUUID(), message: 'pay' });
    await eventually(() => crashing.isDead);

    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await ended(second, id);
    const expected = failures.map(([, failure]) => failure);
    assert.deepEqual(caught, [expected, expected]);
    assert.equal(calls, failures.length);
  });

  test('steps side by side are given in one order, live and at each replay', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const orders: string[][] = [];
    const charged: string[] = [];
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      const order: string[] = [];
      orders.push(order);
      const fetched = [0, 1, 2].map(() => Promise.withResolvers<void>());
      // Which item each one is fetched after.
      const after = [2, undefined, 1];
      await Promise.all(
        after.map(async (earlier, item) => {
          await ctx.step('fetch', async () => {
            await fetched[earlier ?? -1]?.promise;
            fetched[item]?.resolve();
          });
          order.push(`item ${item}`);
          await ctx.step('charge', ({ idempotencyKey }) => {
            charged.push(`${item} by ${idempotencyKey.split('/').slice(1).join('/')}`);
          });
        }),
      );
      ctx.sendMessage(order.join());
    };
    const crashing = crashingStore(store);
    crashing.crashAt('finishRun', 'before');
    const first = defineApp({ durable: true, store: crashing.store, pipeline });
    await first.open(MORTAL);
    const { id } = await first.runs.start({ contactId: randomUUID(), message: 'pay' });
    await eventually(() => crashing.isDead);

    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await ended(second, id);
    assert.deepEqual(orders, [
      ['item 1', 'item 2', 'item 0'],
      ['item 1', 'item 2', 'item 0'],
    ]);
    assert.deepEqual(charged.slice(0, 3), ['1 by charge/1', '2 by charge/2', '0 by charge/3']);
  });

  test('a pipeline that takes another way is found before it does any work', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const done: string[] = [];
    const refund = async (ctx: ThreadContext): Promise<void> => {
      await ctx.step('refund', () => void done.push('refund'));
      ctx.sendMessage('refunded');
    };
    const crashing = crashingStore(store);
    crashing.crashAt('finishRun', 'before');
    const first = defineApp({ durable: true, store: crashing.store, pipeline: refund });
    await first.open(MORTAL);
    const { id } = await first.runs.start({ contactId: randomUUID(), message: 'pay' });
    await eventually(() => crashing.isDead);

    await using second = defineApp({
      durable: true,
      store: living(store),
      pipeline(ctx) {
        ctx.sendMessage('another way');
        return refund(ctx);
      },
    });
    await second.open();
    await eventually(async () => (await store.run(id))?.status === 'failed');
    const record = await store.run(id);
    assert.equal(record?.error?.code, 'pipeline_changed');
    assert.match(record?.error?.message ?? '', /its step 'refund' comes at another place/);
    const metrics = await (await second.metrics.registry()).metrics();
    assert.match(metrics, /^jims_chains_changed_total 1$/m);
    assert.deepEqual(done, ['refund']);
  });

  test('a run that is given up at a SIGTERM does not take another way by the failure of its stop', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const begun = Promise.withResolvers<void>();
    let isFirst = true;
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      const found = await ctx
        .step('find', async ({ signal }) => {
          if (!isFirst) return 'found';
          begun.resolve();
          await once(signal, 'abort');
          throw signal.reason;
        })
        .catch(() => 'not found');
      ctx.sendMessage(found);
      await ctx.step('note', () => {});
    };
    const first = defineApp({ durable: true, store: living(store), pipeline });
    const run = await first.runs.start({ contactId: randomUUID(), message: 'hi' });
    const live = textsOf(run.listen());
    await begun.promise;
    await first.close();
    isFirst = false;
    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await ended(second, run.id);
    assert.deepEqual(await live, []);
    assert.deepEqual(said(await eventsOf(store, run.thread.id)), ['hi', 'found']);
  });

  test('a run that was cancelled does not go on when its process dies before it is over', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const begun = Promise.withResolvers<void>();
    const done: string[] = [];
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      await ctx.step('charge', async ({ signal }) => {
        done.push('charge');
        begun.resolve();
        await once(signal, 'abort');
        throw signal.reason;
      });
    };
    const crashing = crashingStore(store);
    crashing.crashAt('finishRun', 'before');
    const first = defineApp({ durable: true, store: crashing.store, pipeline });
    await first.open(MORTAL);
    const { id } = await first.runs.start({ contactId: randomUUID(), message: 'pay' });
    await begun.promise;
    await first.runs.cancel(id);
    await eventually(() => crashing.isDead);

    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await eventually(async () => (await store.run(id))?.status === 'cancelled');
    assert.deepEqual(done, ['charge']);
  });

  test('work is not done again, nor an event stored twice, when the answers of the database are lost', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const lost = new Set(['storeEntries', 'finishRun']);
    let done = 0;
    await using app = defineApp({
      durable: true,
      store: losing(store, lost),
      async pipeline(ctx) {
        await ctx.step('charge', () => void done++);
        ctx.sendMessage('charged');
      },
    });
    const run = await app.runs.start({ contactId: randomUUID(), message: 'pay' });
    assert.equal((await run.end).type, 'result');
    assert.deepEqual([done, lost.size], [1, 0]);
    assert.deepEqual(said(await eventsOf(store, run.thread.id)), ['pay', 'charged']);
  });

  test('a run that was taken from its process is not lost for those who cancel it there', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const begun = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    let executions = 0;
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      const isFirst = ++executions === 1;
      await ctx.step('wait', async ({ signal }) => {
        if (!isFirst) return done.promise;
        begun.resolve();
        await once(signal, 'abort');
        throw signal.reason;
      });
      ctx.sendMessage('done');
    };
    const sleeping = crashingStore(store);
    const failures: unknown[] = [];
    await using first = defineApp({ durable: true, store: sleeping.store, pipeline });
    await first.open({ onRunFailed: (error) => failures.push(error) });
    const run = await first.runs.start({ contactId: randomUUID(), message: 'hi' });
    await begun.promise;
    for (const instance of sleeping.instances) await store.endLease(instance);
    await using second = defineApp({ durable: true, store: living(store), pipeline });
    await second.open();
    await eventually(() => executions === 2);
    await first.runs.cancel(run.id);
    const end = await run.end;
    assert.deepEqual([end.type === 'cancelled' && end.goesOn, failures], [true, []]);
    done.resolve();
  });

  test('the steps of a conversation start have keys of their own, and are not met again when it is stored', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const done: string[] = [];
    const options: JimsAppOptions = {
      durable: true,
      conversationStartPipeline: async (ctx) => {
        await ctx.step('look up', ({ idempotencyKey }) => void done.push(idempotencyKey));
        ctx.sendMessage('Welcome');
      },
      pipeline: async (ctx) => {
        await ctx.step('look up', ({ idempotencyKey }) => void done.push(idempotencyKey));
        ctx.sendMessage('Done');
      },
    };
    const crashing = crashingStore(store);
    crashing.crashAt('appendInRun', 'after');
    const first = defineApp({ ...options, store: crashing.store });
    await first.open(MORTAL);
    const request = { contactId: randomUUID(), message: 'hi', conversationStart: true };
    void first.runs.start(request);
    await eventually(() => crashing.isDead);

    await using second = defineApp({ ...options, store: living(store) });
    await second.open();
    const thread = await store.latestThread(request.contactId);
    assert.ok(thread);
    await eventually(async () => {
      return said(await eventsOf(store, thread.id)).includes('Done');
    });
    const log = await eventsOf(store, thread.id);
    assert.deepEqual(said(log), ['Welcome', 'hi', 'Done']);
    const runId = log.find(({ data }) => data['content'] === 'hi')?.id;
    assert.deepEqual(done, [`${runId}.start/look up/1`, `${runId}/look up/1`]);
  });

  test('a run without steps costs a durable app nothing, and each step one commit', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const commitsOf = async (
      durable: boolean,
      pipeline: JimsAppOptions['pipeline'],
    ): Promise<readonly string[]> => {
      const counting = crashingStore(store);
      await using app = defineApp({ durable, store: counting.store, pipeline });
      await app.open();
      const run = await app.runs.start({ contactId: randomUUID(), message: 'hi' });
      assert.equal((await run.end).type, 'result');
      const { calls } = counting;
      const ofRun = calls.slice(calls.indexOf('acceptRun'), calls.indexOf('finishRun') + 1);
      return ofRun.filter((name) => !UPKEEP.has(name));
    };
    const plain: JimsAppOptions['pipeline'] = (ctx) => ctx.sendMessage('Hello');
    const withSteps: JimsAppOptions['pipeline'] = async (ctx) => {
      await ctx.step('a', () => 1);
      await ctx.step('b', () => 2);
      await Promise.all(['c', 'd', 'e'].map((name) => ctx.step(name, () => 3)));
    };
    const cost = await commitsOf(false, plain);
    assert.deepEqual(cost, ['acceptRun', 'finishRun']);
    assert.deepEqual(await commitsOf(true, plain), cost);
    assert.deepEqual(await commitsOf(false, withSteps), cost);
    const [first, ...rest] = await commitsOf(true, withSteps);
    assert.deepEqual([first, rest.pop()], cost);
    // Of the three side by side the first one is stored alone, and the others together.
    assert.deepEqual(
      rest,
      ['a', 'b', 'c', 'd and e'].map(() => 'storeEntries'),
    );
  });

  test('an app that is not durable does its steps, and its runs are lost with it', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const pipeline: JimsAppOptions['pipeline'] = async (ctx) => {
      ctx.sendMessage(await ctx.step('once', () => 'done'));
    };
    const crashing = crashingStore(store);
    const app = defineApp({ store: crashing.store, pipeline });
    await app.open(MORTAL);
    const contactId = randomUUID();
    const run = await app.runs.start({ contactId, message: 'hi' });
    assert.equal((await run.end).type, 'result');
    crashing.crashAt('finishRun', 'before');
    const { id } = await app.runs.start({ contactId, message: 'hi again' });
    await eventually(() => crashing.isDead);
    assert.ok(!crashing.calls.includes('storeEntries'));

    await using other = defineApp({ store: living(store), pipeline });
    await other.open();
    await eventually(async () => (await store.run(id))?.status === 'failed');
    assert.equal((await store.run(id))?.error?.code, 'lost');
  });
});

/** A view whose answers to these calls are lost, once each. */
function losing(store: Store, methods: Set<string>): Store {
  return new Proxy(living(store), {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: readonly unknown[]): Promise<unknown> => {
        const answer: unknown = await member.apply(target, args);
        if (!methods.delete(String(name))) return answer;
        throw new JimsError('store_unavailable', 'The answer was lost');
      };
    },
  });
}

/** The messages that listeners get, until the run ends or leaves them. */
async function textsOf(events: AsyncIterable<RunEvent>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const event of events) {
    if (event.type === 'event') all.push(event.event.data['content']);
  }
  return all;
}

async function ended(app: JimsApp, runId: string): Promise<void> {
  await eventually(async () => (await app.runs.record(runId))?.status === 'completed');
}

function said(events: readonly ThreadEvent[]): readonly unknown[] {
  return events.filter(({ type }) => type.startsWith('comm.')).map(({ data }) => data['content']);
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}
