// Copies of threads, by POST /api/v1/threads/{thread_id}/fork.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newEvent } from 'jims-core';
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
function countingApi(store: string): TestApi {
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
