// Cursors, ids and domains that no answer gave, on every store.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeStores } from '../../../jims-core/test/support/stores.ts';
import { fromCursor, toCursor } from '../../src/http/cursor.ts';
import { jsonOf, testApiOn } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';

const ID = '01a2000000000000800000000000000a';
const FORGED_TIMES = [
  '20261301000000000000',
  '20260230000000000000',
  '20260229000000000000',
  '20260001000000000000',
  '20260100000000000000',
  '00000101000000000000',
  '20260101240000000000',
  '20260101236000000000',
  '20260101235960000000',
  '99999999999999999999',
];
const ODD_IDS = [
  'x',
  '%F0%9F%98%80',
  '%ED%A0%80',
  'a'.repeat(5000),
  '-'.repeat(5000),
  "'; --",
  '..',
];

test('a cursor has a time that is on the clock and in the calendar', () => {
  for (const time of ['20240229235959999999', '00010101000000000000', '99991231235959999999']) {
    const position = fromCursor(`${time}.${ID}`);
    assert.equal(position && toCursor(position), `${time}.${ID}`);
  }
  for (const time of FORGED_TIMES) assert.equal(fromCursor(`${time}.${ID}`), undefined, time);
});

async function newThread(api: TestApi): Promise<string> {
  const answer = await api.post('/api/v1/chat', { contact_id: 'c', message: 'hi' });
  return String((await jsonOf(answer))['thread_id']);
}

describeStores((store) => {
  test('what is forged is refused, and never an error of the service', async () => {
    await using database = await store.fresh();
    await using api = testApiOn(database.url, (ctx) => ctx.sendMessage('ok'));
    const threadId = await newThread(api);
    const events = `/api/v1/threads/${threadId}/events`;
    for (const time of FORGED_TIMES) {
      const cursor = `${time}.${ID}`;
      assert.equal((await api.get(`/api/v1/threads?cursor=${cursor}`)).status, 422, cursor);
      assert.equal((await api.get(`${events}?cursor=${cursor}`)).status, 422, cursor);
      const headers = { accept: 'text/event-stream', 'last-event-id': cursor };
      assert.equal((await api.get(events, headers)).status, 400, cursor);
    }
    for (const id of ODD_IDS) {
      for (const path of [
        `/api/v1/threads/${id}`,
        `/api/v1/threads/${id}/events`,
        `/api/v1/runs/${id}`,
        `/api/v1/runs/${id}/stream`,
        `/v1/responses/${id}`,
        `/v1/responses/resp_${id}`,
        `/v1/conversations/${id}`,
        `/v1/conversations/conv_${threadId.replaceAll('-', '')}/items/${id}`,
        `/ai-sdk/chat/${id}`,
        `/a2a/rest/tasks/${id}`,
        `/api/v1/threads?external_id=${id}`,
        `/api/v1/threads?contact_id=${id}`,
        `/v1/conversations/conv_${threadId.replaceAll('-', '')}/items?after=${id}`,
      ]) {
        const { status } = await api.get(path);
        assert.ok(status < 500, `${path.slice(0, 100)}: ${status}`);
      }
      const named = { 'x-jims-thread-id': encodeURIComponent(decodeURIComponent(encodeURI(id))) };
      const chat = { messages: [{ role: 'user', content: 'hi' }] };
      assert.equal((await api.post('/v1/chat/completions', chat, named)).status, 404, id);
    }
  });

  test('as many domains as an app has, and each once', async () => {
    await using database = await store.fresh();
    await using api = testApiOn(database.url, (ctx) => ctx.sendMessage('ok'));
    const path = `/api/v1/threads/${await newThread(api)}/events?domain=`;
    const names = (count: number): string =>
      Array.from({ length: count }, (_, i) => `d${i}`).join();
    assert.equal((await api.get(path + names(10))).status, 200);
    const often = await jsonOf(
      await api.get(path + Array.from({ length: 2000 }, () => 'comm').join()),
    );
    assert.ok(Array.isArray(often['events']) && often['events'].length === 2);
    const many = await api.get(path + names(11));
    assert.equal(many.status, 422);
    assert.match(await many.text(), /at most 10 domains, not 11/);
  });
});
