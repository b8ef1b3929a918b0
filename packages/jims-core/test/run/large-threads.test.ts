import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent } from '../../src/thread/event.ts';
import { describeStores } from '../support/stores.ts';

const TEXT = 'x'.repeat(10_000);

/** Keeps a name that the first message sets, and tells what it sees. */
function pipeline(ctx: ThreadContext): void {
  if (ctx.history.length === 1) ctx.setState('name', { name: 'Anna' });
  const name = ctx.getState('name', anything);
  ctx.sendEvent('app.seen', { isCut: ctx.isCut, said: ctx.history.length, name });
}

const anything = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const;

describeStores((kind) => {
  test('a run loads the newest part of a large thread, and its states', async () => {
    await using database = await kind.fresh();
    const warnings: object[] = [];
    const logger = {
      info() {},
      error() {},
      debug() {},
      warn: (fields: object) => warnings.push(fields),
    };
    const open = async (): Promise<ReturnType<typeof defineApp>> => {
      const made = defineApp({ pipeline, store: database.url });
      await made.open({ limits: { maxThreadSize: 50_000 }, logger });
      return made;
    };
    await using app = await open();
    const controller = await app.threads.getOrCreate({ contactId: 'a' });
    const seen = async (on: typeof app): Promise<unknown> => {
      await on.threads.getOrCreate({ contactId: 'a', threadId: controller.thread.id });
      await controller.appendUserMessage(TEXT);
      const thread = await on.threads.find(controller.thread.id);
      const [sent] = (await thread?.run(pipeline))?.filter(({ type }) => type === 'app.seen') ?? [];
      return sent?.data;
    };
    for (let n = 1; n <= 4; n++) {
      assert.deepEqual(await seen(app), { isCut: false, said: n, name: { name: 'Anna' } });
    }
    for (let n = 0; n < 3; n++) {
      assert.deepEqual(await seen(app), { isCut: true, said: 4, name: { name: 'Anna' } });
    }
    // A process that has read nothing of it yet sees the same.
    await using other = await open();
    assert.deepEqual(await seen(other), { isCut: true, said: 4, name: { name: 'Anna' } });
    const ofThread = warnings.filter((fields) => 'threadId' in fields);
    const { id: threadId } = controller.thread;
    assert.deepEqual(ofThread, [{ threadId }, { threadId }], 'once a process');
    assert.equal((await controller.makeContext()).isCut, true);
  });

  test('a pipeline sees what it saw before it asked, however much has come since', async () => {
    await using database = await kind.fresh();
    const seen: unknown[] = [];
    await using app = defineApp({
      store: database.url,
      async pipeline(ctx) {
        const view = (): unknown => [
          ctx.lastUserMessage,
          ctx.getState('plan', anything),
          ctx.events.filter(({ type }) => type === 'crm.note').length,
        ];
        seen.push(view());
        await ctx.ask('Sure?');
        seen.push(view());
      },
    });
    await app.open({ limits: { maxThreadSize: 2 * TEXT.length } });
    const thread = await app.threads.getOrCreate({ contactId: 'a' });
    const note = (): NewEvent => newEvent('crm.note', { text: TEXT });
    const plan = (name: string): NewEvent => newEvent('state.set.plan', { name });
    const say = async (message: string): Promise<void> => {
      const run = await app.runs.start({ contactId: 'a', threadId: thread.thread.id, message });
      await run.end;
    };
    await thread.appendAll([plan('old'), note(), note(), note()]);
    await say('Refund 17');
    await thread.appendAll([plan('new'), note(), note(), note()]);
    await say('Yes');
    const before = ['Refund 17', { name: 'old' }, 1];
    assert.deepEqual(seen, [before, before, ['Yes', { name: 'new' }, 1]]);
  });

  test('a chain of many questions reads its thread once when its pipeline is executed again', async () => {
    await using database = await kind.fresh();
    const seen: (readonly string[])[] = [];
    const asking = async (ctx: ThreadContext): Promise<void> => {
      for (let n = 0; n < 5; n++) {
        seen[n] = ctx.history.map(({ content }) => content).filter((text) => text !== TEXT);
        await ctx.ask(`${n}?`);
      }
    };
    const open = async (store: Store): Promise<JimsApp> => {
      const app = defineApp({ pipeline: asking, durable: true, store });
      await app.open({ limits: { maxThreadSize: 10 * TEXT.length } });
      return app;
    };
    const answer = async (app: JimsApp, n: number): Promise<void> => {
      const run = await app.runs.start({ contactId: 'a', message: `${n}` });
      await run.end;
    };
    await using store = await openStore(database.url);
    await using app = await open({ ...store, close: async () => {} });
    const controller = await app.threads.getOrCreate({ contactId: 'a' });
    for (let n = 0; n < 20; n++) await controller.appendUserMessage(TEXT);
    for (let n = 0; n < 5; n++) await answer(app, n);
    const before = seen.splice(0);
    let read = 0;
    const counting: Store = {
      ...store,
      close: async () => {},
      async readTail(...query) {
        const tail = await store.readTail(...query);
        read += tail.events.filter(({ data }) => data['content'] === TEXT).length;
        return tail;
      },
    };
    // A process that has read nothing of it yet.
    await using other = await open(counting);
    await answer(other, 5);
    assert.deepEqual(seen, before);
    assert.ok(read <= 20, `it has read ${read} large messages, of which there is room for 10`);
  });

  test('the process does other work while it goes through a thread of many events', async () => {
    await using database = await kind.fresh();
    await using app = defineApp({ pipeline: () => {}, store: database.url });
    const controller = await app.threads.getOrCreate({ contactId: 'a' });
    await controller.appendAll(
      Array.from({ length: 1300 }, (_, n) => newEvent('app.counted', { n })),
    );
    // Kept in memory from now on.
    await app.threads.recentEvents(controller.thread);
    let isRead = false;
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (!isRead) setImmediate(turn);
    };
    setImmediate(turn);
    const pieces = await Array.fromAsync(app.threads.allEvents(controller.thread));
    isRead = true;
    assert.ok(turns >= 2, `${turns} turns of the loop`);
    const read = pieces.flat().filter(({ type }) => type === 'app.counted');
    assert.deepEqual(
      read.map(({ data }) => data['n']),
      Array.from({ length: 1300 }, (_, n) => n),
    );
  });

  test('a run may send 30 MB, and the process does other work meanwhile', async () => {
    await using database = await kind.fresh();
    const sent = Array.from({ length: 30 }, (_, n) => ({ n, text: 'ü"\\,{}'.repeat(150_000) }));
    await using app = defineApp({
      pipeline: async (ctx) => {
        for (const data of sent) {
          ctx.sendEvent('rag.found', data);
          await sleep(5);
        }
      },
      store: database.url,
    });
    const { thread } = await app.threads.getOrCreate({ contactId: 'a' });
    const still = watchLoop();
    const run = await app.runs.start({ thread: { kind: 'thread', threadId: thread.id } });
    assert.equal((await run.end).type, 'result');
    const longest = still.longestMs();
    assert.ok(longest < 1000, `the loop did one thing for ${longest} ms`);
    const stored: unknown[] = [];
    for await (const events of app.threads.readEvents(thread.id, { domains: ['rag'] })) {
      stored.push(...events.map(({ data }) => data));
    }
    assert.deepEqual(stored, sent);
  });
});

/** For how long the loop did one thing, in time of its own thread: a busy machine does not count. */
function watchLoop(): { longestMs(): number } {
  let last = process.threadCpuUsage();
  let longest = 0;
  const look = (): void => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.threadCpuUsage();
  };
  const timer = setInterval(look, 1);
  return {
    longestMs() {
      clearInterval(timer);
      look();
      return longest;
    },
  };
}
