// Copies of threads, by POST /api/v1/threads/{thread_id}/fork.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { JimsError, newEvent, openStore } from 'jims-core';
import type { Store } from 'jims-core';
import * as v from 'valibot';

import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';

const Visits = v.object({ count: v.number() });

/** The thread that was made last. */
async function latestOf(api: TestApi): Promise<string> {
  const { threads } = await api.app.threads.list({ limit: 1, order: 'created' });
  return threads[0]?.id ?? '';
}

describeStores((kind) => {
  test('a fork has the events before one, with its states, and the same contact and config', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    const threadId = await say(api, '1', { thread_config: { interface: 'api', tier: 'gold' } });
    await say(api, '2');
    const second = (await messagesOf(api, threadId)).find(({ text }) => text === '2');
    const response = await api.post(`/api/v1/threads/${threadId}/fork`, { before: second?.id });
    assert.equal(response.status, 201);
    const fork = await jsonOf(response);
    const forkId = String(fork['thread_id']);
    assert.notEqual(forkId, threadId);
    assert.ok(response.headers.get('location')?.endsWith(`/api/v1/threads/${forkId}`));
    assert.partialDeepStrictEqual(fork, {
      contact_id: 'c',
      thread_config: { interface: 'api', tier: 'gold' },
      title: '1',
      superseded_by: null,
    });
    assert.deepEqual(await textsOf(api, forkId), ['1', 'Visit 1']);
    await say(api, 'other', { thread_id: forkId });
    assert.deepEqual(await textsOf(api, forkId), ['1', 'Visit 1', 'other', 'Visit 2']);
    assert.deepEqual(await textsOf(api, threadId), ['1', 'Visit 1', '2', 'Visit 2']);
    const original = await jsonOf(await api.get(`/api/v1/threads/${threadId}`));
    assert.equal(original['superseded_by'], null);
    const whole = await jsonOf(await api.post(`/api/v1/threads/${threadId}/fork`, {}));
    const wholeId = String(whole['thread_id']);
    assert.deepEqual(await textsOf(api, wholeId), ['1', 'Visit 1', '2', 'Visit 2']);
  });

  test('a fork that supersedes takes over the external id', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    const spec = { contact_id: 'c', external_id: 'ticket-7' };
    const { thread_id: threadId } = await jsonOf(await api.post('/api/v1/threads', spec));
    await say(api, '1', { thread_id: threadId });
    const path = `/api/v1/threads/${String(threadId)}`;
    const fork = await jsonOf(await api.post(`${path}/fork`, { supersede: true }));
    assert.equal(fork['external_id'], 'ticket-7');
    assert.deepEqual(await textsOf(api, String(fork['thread_id'])), ['1', 'Visit 1']);
    const old = await jsonOf(await api.get(path));
    assert.equal(old['superseded_by'], fork['thread_id']);
    // It has no external id any more that could be taken over.
    assert.equal((await api.post(`${path}/fork`, { supersede: true })).status, 422);
  });

  test('a thread without an external id is superseded once, and is in lists no more', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    const threadId = await say(api, '1');
    await say(api, '2');
    const [, , second] = await messagesOf(api, threadId);
    const path = `/api/v1/threads/${threadId}/fork`;
    const body = { before: second?.id, supersede: true };
    const forks = await Promise.all(
      ['k', 'k', 'other', 'k'].map(async (key) => {
        const response = await api.post(path, body, { 'idempotency-key': key, 'x-contact': 'c' });
        return { key, status: response.status, thread: await jsonOf(response) };
      }),
    );
    const made = forks.find(({ status }) => status === 201);
    assert.ok(made);
    const forkId = String(made.thread['thread_id']);
    for (const { key, status, thread } of forks) {
      if (key === made.key) assert.deepEqual([status, thread['thread_id']], [201, forkId]);
      else assert.ok(status === 409 || status === 422, String(status));
    }
    assert.deepEqual(await textsOf(api, forkId), ['1', 'Visit 1']);
    const key = { 'idempotency-key': made.key, 'x-contact': 'c' };
    const again = await api.post(path, body, key);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal((await jsonOf(again))['thread_id'], forkId);
    assert.equal((await api.post(path, { supersede: true }, key)).status, 422, 'another request');
    assert.equal((await api.post(path, body)).status, 422);
    const { threads } = await jsonOf(await api.get('/api/v1/threads?contact_id=c'));
    assert.ok(Array.isArray(threads));
    assert.deepEqual(
      threads.map(({ thread_id: id, external_id: name }) => [id, name]),
      [[forkId, null]],
    );
    const old = await jsonOf(await api.get(`/api/v1/threads/${threadId}`));
    assert.deepEqual([old['superseded_by'], old['external_id']], [forkId, null]);
  });

  test('a thread is not superseded once more when the key is not remembered any more', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    await api.app.open({ limits: { idempotencyTtlMs: 1 } });
    const path = `/api/v1/threads/${await say(api, '1')}/fork`;
    const key = { 'idempotency-key': 'k' };
    assert.equal((await api.post(path, { supersede: true }, key)).status, 201);
    await sleep(2);
    assert.equal((await api.post(path, { supersede: true }, key)).status, 409);
  });

  test('a copy that the store stopped is completed when the request comes again with its key', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    let appends = 0;
    const failing: Store = {
      ...store,
      close: async () => {},
      async appendEvents(...args) {
        const isBroken = ++appends === 12;
        if (isBroken) throw new JimsError('store_unavailable', 'The disk is gone');
        return store.appendEvents(...args);
      },
    };
    await using api = countingApi(failing);
    const threadId = await say(api, '1');
    const thread = await api.app.threads.get(threadId);
    const text = 'x'.repeat(1000);
    for (let n = 0; n < 10; n++) {
      await thread.appendAll(
        Array.from({ length: 100 }, (_, at) => newEvent('crm.note', { at, n, text })),
      );
    }
    const path = `/api/v1/threads/${threadId}/fork`;
    const key = { 'idempotency-key': 'k' };
    assert.equal((await api.post(path, { supersede: true }, key)).status, 503);
    await say(api, '2', { thread_id: await latestOf(api) });
    const response = await api.post(path, { supersede: true }, key);
    assert.equal(response.status, 201);
    const forkId = String((await jsonOf(response))['thread_id']);
    const copied = (await api.app.threads.events(forkId, { limit: 5000, maxBytes: 2 ** 24 }))
      .events;
    const notes = copied.filter(({ type }) => type === 'crm.note');
    assert.deepEqual(
      notes.map(({ data }) => [data['n'], data['at']]),
      Array.from({ length: 1000 }, (_, index) => [Math.floor(index / 100), index % 100]),
    );
  });

  test('contacts fork their own threads alone, at events that they see', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    const threadId = await say(api, '1');
    const path = `/api/v1/threads/${threadId}/fork`;
    const own = await api.post(path, {}, { 'x-contact': 'c' });
    assert.equal(own.status, 201);
    assert.equal((await api.post(path, {}, { 'x-contact': 'other' })).status, 404);
    const { events } = await jsonOf(await api.get(`/api/v1/threads/${threadId}/events`));
    assert.ok(Array.isArray(events));
    const state = events.find(({ event_type: type }) => type.startsWith('state.'));
    const before = { before: state.event_id };
    assert.equal((await api.post(path, before, { 'x-contact': 'c' })).status, 404);
    assert.equal((await api.post(path, before)).status, 201);
    assert.equal((await api.post(path, { before: crypto.randomUUID() })).status, 404);
    assert.equal((await api.post(path, { before: 'x' })).status, 422);
  });

  test('of a large thread the newest 4 MiB are copied, and the states of the rest', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    const spec = { contact_id: 'c', external_id: 'ticket-7' };
    const { thread_id: threadId } = await jsonOf(await api.post('/api/v1/threads', spec));
    await say(api, '1', { thread_id: threadId });
    const thread = await api.app.threads.get(String(threadId));
    const text = 'x'.repeat(1000);
    for (let n = 0; n < 100; n++) {
      const notes = Array.from({ length: 100 }, () => newEvent('crm.note', { text }));
      await thread.appendAll(notes);
    }
    for (const supersede of [false, true]) {
      const before = await latestOf(api);
      const path = `/api/v1/threads/${String(threadId)}/fork`;
      const forking = api.post(path, { supersede });
      // A message that comes while the copy is made comes after it.
      await eventually(async () => (await latestOf(api)) !== before);
      const forkId = await latestOf(api);
      await say(api, '2', { thread_id: forkId });
      const response = await forking;
      assert.equal(response.status, 201);
      assert.equal((await jsonOf(response))['thread_id'], forkId);
      const { events } = await api.app.threads.events(forkId, { limit: 5000, maxBytes: 2 ** 24 });
      const copied = events.findIndex(({ type }) => type === 'comm.user_message');
      assert.ok(copied > 3000 && copied < 5000, `${copied} events`);
      assert.ok(events.slice(copied).every(({ type }) => type !== 'crm.note'));
      assert.deepEqual(await textsOf(api, forkId), ['2', 'Visit 2']);
    }
  });

  test('internal events can be left out of a page', async () => {
    await using database = await kind.fresh();
    await using api = countingApi(database.url);
    const threadId = await say(api, '1');
    const typesOf = async (query: string): Promise<string[]> => {
      const page = await jsonOf(await api.get(`/api/v1/threads/${threadId}/events${query}`));
      assert.ok(Array.isArray(page['events']));
      return page['events'].map(({ event_type: type }) => type);
    };
    const all = [
      'jims.lifecycle.thread_created',
      'comm.user_message',
      'state.set.visits',
      'comm.assistant_message',
    ];
    assert.deepEqual(await typesOf(''), all);
    assert.deepEqual(await typesOf('?internal=true'), all);
    assert.deepEqual(await typesOf('?internal=false'), [all[1], all[3]]);
    assert.deepEqual(await typesOf('?internal=false&limit=1'), [all[1]]);
    assert.deepEqual(await typesOf('?internal=false&order=desc&limit=1'), [all[3]]);
    const path = `/api/v1/threads/${threadId}/events?internal=perhaps`;
    assert.equal((await api.get(path)).status, 422);
  });
});

/** An app that counts the messages of a thread in a state. */
function countingApi(store: string | Store): TestApi {
  return testApiOn(
    store,
    (ctx) => {
      const { count } = ctx.getState('visits', Visits) ?? { count: 0 };
      ctx.setState('visits', { count: count + 1 });
      ctx.sendMessage(`Visit ${count + 1}`);
    },
    byContactHeader,
  );
}

async function say(api: TestApi, message: string, more: object = {}): Promise<string> {
  const response = await api.post('/api/v1/chat', { contact_id: 'c', message, ...more });
  assert.equal(response.status, 200);
  return String((await jsonOf(response))['thread_id']);
}

async function messagesOf(
  api: TestApi,
  threadId: string,
): Promise<{ readonly id: string; readonly text: string }[]> {
  const page = await jsonOf(await api.get(`/api/v1/threads/${threadId}/events?domain=comm`));
  assert.ok(Array.isArray(page['events']));
  return page['events'].map(({ event_id: id, event_data: { content: text } }) => ({ id, text }));
}

async function textsOf(api: TestApi, threadId: string): Promise<string[]> {
  return (await messagesOf(api, threadId)).map(({ text }) => text);
}
