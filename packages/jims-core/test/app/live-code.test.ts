// An open app goes on with other code: what runs ends as it began, and nothing is opened twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';
import type { JimsApp, Pipeline } from 'jims-core';
import { refuseRuns, reloading, takeOver } from 'jims-core/host';

import { freshSqlite } from '../support/sqlite.ts';

async function answerOf(app: JimsApp, contactId: string): Promise<readonly unknown[]> {
  const run = await app.runs.start({ contactId, message: 'Hi' });
  const end = await run.end;
  assert.equal(end.type, 'result');
  return end.type === 'result' ? end.result.events.map(({ data }) => data['content']) : [];
}

function saying(text: string): Pipeline {
  return (ctx) => ctx.sendMessage(text);
}

test('a run ends with the code that it began with; those that wait, and later ones, have the new code', async () => {
  using database = freshSqlite();
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using app = defineApp({
    store: database.url,
    name: 'One',
    pipeline: async (ctx) => {
      begun.resolve();
      await goOn.promise;
      ctx.sendMessage('old');
    },
  });
  const running = await app.runs.start({ contactId: 'c', message: 'First' });
  await begun.promise;
  const waiting = await app.runs.start({
    contactId: 'c',
    message: 'Second',
    threadId: running.thread.id,
  });
  const fresh = defineApp({ store: database.url, name: 'Two', pipeline: saying('new') });
  assert.deepEqual(takeOver(app, fresh), []);
  assert.equal(app.name, 'Two');
  assert.deepEqual(await answerOf(app, 'other'), ['new']);
  goOn.resolve();
  const texts = [];
  for (const run of [running, waiting]) {
    const end = await run.end;
    if (end.type === 'result') texts.push(end.result.events[0]?.data['content']);
  }
  assert.deepEqual(texts, ['old', 'new']);
});

test('each app that was taken over is the open one by another name, also while it loads', async () => {
  using database = freshSqlite();
  await using app = defineApp({ store: database.url, pipeline: saying('1') });
  const thread = await app.threads.getOrCreate({ contactId: 'c' });
  const second = defineApp({ store: database.url, pipeline: saying('2') });
  assert.deepEqual(takeOver(app, second), []);
  const third = defineApp({ store: database.url, pipeline: saying('3') });
  reloading(app);
  try {
    assert.equal((await third.threads.get(thread.thread.id)).thread.id, thread.thread.id);
  } finally {
    reloading(undefined);
  }
  assert.deepEqual(takeOver(app, third), []);
  for (const each of [app, second, third]) {
    assert.deepEqual(await answerOf(each, 'd'), ['3']);
    assert.equal((await each.threads.get(thread.thread.id)).thread.contactId, 'c');
  }
  await second.close();
  await assert.rejects(answerOf(app, 'd'), { code: 'shutting_down' });
});

test('what is fixed while an app is open is named, and nothing changes', async () => {
  using database = freshSqlite();
  await using app = defineApp({ store: database.url, pipeline: saying('1') });
  await app.open();
  const others = [
    { change: { durable: true }, fixed: ['durable'] },
    { change: { store: 'sqlite::memory:', files: 'file:///tmp/x' }, fixed: ['store', 'files'] },
  ];
  for (const { change, fixed } of others) {
    const other = defineApp({ store: database.url, pipeline: saying('2'), ...change });
    assert.deepEqual(takeOver(app, other), fixed);
    assert.deepEqual(await answerOf(app, 'c'), ['1']);
  }
  assert.deepEqual(takeOver(app, {}), ['jims-core']);
});

test('an app without code refuses runs until it has some', async () => {
  using database = freshSqlite();
  await using app = defineApp({ store: database.url, pipeline: saying('1') });
  refuseRuns(app, 'app.ts:3 has a mistake');
  await assert.rejects(answerOf(app, 'c'), {
    code: 'code_broken',
    message: 'app.ts:3 has a mistake',
  });
  assert.equal(await app.threads.latest('c'), undefined);
  takeOver(app, defineApp({ store: database.url, pipeline: saying('2') }));
  assert.deepEqual(await answerOf(app, 'c'), ['2']);
});

test('nothing of an app holds the code that it had before', async () => {
  using database = freshSqlite();
  await using app = defineApp({ store: database.url, pipeline: saying('0') });
  const held: WeakRef<object>[] = [];
  for (let number = 1; number < 6; number++) {
    // In a function of its own, so that no register holds it.
    (() => {
      const fresh = defineApp({ store: database.url, pipeline: saying(String(number)) });
      held.push(new WeakRef(fresh.pipeline), new WeakRef(fresh));
      takeOver(app, fresh);
    })();
    assert.deepEqual(await answerOf(app, 'c'), [String(number)]);
  }
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  await new Promise((resolve) => setTimeout(resolve, 20));
  collect();
  // The last one is in use.
  assert.deepEqual(
    held.slice(0, -2).map((each) => each.deref()),
    Array.from({ length: 8 }),
  );
});
