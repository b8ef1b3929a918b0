import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { SQLITE } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { talker } from '../../support/talker.ts';

const THREADS = '/api/v1/threads';
const ME = { 'x-contact': 'me' };
const YOU = { 'x-contact': 'you' };
const UNKNOWN = '0190d3a0-0000-7000-8000-000000000099';

describe('feedback', () => {
  const { fresh } = SQLITE;
  test('a rating is kept once, the last one counts, and it can be taken back', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker, byContactHeader);
    const { threadId, answer } = await talk(api);
    const path = pathOf(threadId, answer);
    const down = { value: 'down', comment: ' Too long 🙂\n', tags: ['length', 'length'] };
    const given = await put(api, path, down);
    assert.equal(given.status, 200);
    assert.deepEqual(await given.json(), {
      thread_id: threadId,
      message_id: answer,
      value: 'down',
      comment: 'Too long 🙂',
      tags: ['length'],
    });
    assert.equal((await put(api, path, down)).status, 200);
    assert.deepEqual(await feedbackEvents(api, threadId), [
      [
        'feedback.given',
        {
          message_id: answer,
          value: 'down',
          comment: 'Too long 🙂',
          tags: ['length'],
        },
      ],
    ]);
    assert.deepEqual(await listed(api, '?feedback=down'), [threadId]);
    assert.deepEqual(await listed(api, '?feedback=up'), []);
    await put(api, path, { value: 'up' });
    assert.deepEqual(await jsonOf(await api.get(`${THREADS}/${threadId}/feedback`, ME)), {
      feedback: [{ thread_id: threadId, message_id: answer, value: 'up', comment: null, tags: [] }],
      next_cursor: null,
    });
    assert.equal((await api.get(`${THREADS}/${threadId}/feedback`, YOU)).status, 404);
    assert.deepEqual(await listed(api, '?feedback=up'), [threadId]);
    assert.deepEqual(await listed(api, '?feedback=down'), []);
    for (let time = 0; time < 2; time += 1) {
      assert.equal((await api.send('DELETE', path, { headers: ME })).status, 204);
    }
    assert.deepEqual(await listed(api, '?feedback=up'), []);
    assert.deepEqual(
      (await feedbackEvents(api, threadId)).map(([type]) => type),
      ['feedback.given', 'feedback.given', 'feedback.withdrawn'],
    );
    const metrics = await (await api.app.metrics.registry()).metrics();
    assert.match(metrics, /jims_feedback_total\{value="down"\} 1/);
    assert.match(metrics, /jims_feedback_total\{value="up"\} 1/);
  });

  test('a contact rates what was said to them, a service for them, and nobody anything else', async () => {
    await using database = await fresh();
    await using api = testApiOn(
      database.url,
      (ctx) => {
        ctx.sendEvent('rag.answer', { role: 'assistant', content: 'not a message' });
        ctx.sendMessage(`I know ${ctx.history.length} messages`);
      },
      byContactHeader,
    );
    const { threadId, answer, question, other } = await talk(api);
    const foreign = await talk(api, YOU);
    const missing: readonly [string, Record<string, string>][] = [
      [pathOf(threadId, question), ME],
      [pathOf(threadId, other), ME],
      [pathOf(threadId, UNKNOWN), ME],
      [pathOf(threadId, foreign.answer), ME],
      [pathOf(threadId, foreign.answer), {}],
    ];
    for (const [path, headers] of missing) {
      for (const response of [
        await put(api, path, { value: 'up' }, headers),
        await api.send('DELETE', path, { headers }),
      ]) {
        assert.equal(response.status, 404, path);
        assert.equal((await jsonOf(response))['code'], 'message_not_found');
      }
    }
    for (const headers of [YOU, { 'x-contact': 'nobody' }]) {
      const response = await put(api, pathOf(threadId, answer), { value: 'up' }, headers);
      assert.equal(response.status, 404);
      assert.equal((await jsonOf(response))['code'], undefined, 'the thread is not theirs');
    }
    assert.equal((await put(api, pathOf(UNKNOWN, answer), { value: 'up' })).status, 404);
    assert.equal((await put(api, pathOf(threadId, 'x'), { value: 'up' })).status, 422);
    const refused = [
      {},
      { value: 'sideways' },
      { value: 'up', comment: 'x'.repeat(4001) },
      { value: 'up', tags: Array.from({ length: 11 }, (_, i) => `t${i}`) },
      { value: 'up', tags: ['x'.repeat(65)] },
      { value: 'up', tags: [''] },
      [],
    ];
    for (const body of refused) {
      assert.equal((await put(api, pathOf(threadId, answer), body)).status, 422);
    }
    assert.deepEqual(await feedbackEvents(api, threadId), []);
    const most = { value: 'up', comment: 'x'.repeat(4000), tags: ['y'.repeat(64)] };
    assert.equal((await put(api, pathOf(threadId, answer), most, {})).status, 200);
    assert.deepEqual(await listed(api, '?feedback=up'), [threadId]);
    assert.deepEqual(await listed(api, '?feedback=up', YOU), []);
    // The conversation goes on without it, and contacts do not see it.
    const seen = await jsonOf(await api.get(`${THREADS}/${threadId}/events`, ME));
    assert.doesNotMatch(JSON.stringify(seen), /feedback/);
    assert.equal((await api.get(`${THREADS}/${threadId}/events?domain=feedback`, ME)).status, 404);
    const next = await jsonOf(await api.post('/api/v1/chat', { message: 'and now?' }, ME));
    assert.deepEqual(next['assistant_messages'], ['I know 3 messages']);
    // Other methods have no meaning there, and pages of other origins none at all.
    const got = await api.get(pathOf(threadId, answer), ME);
    assert.deepEqual([got.status, got.headers.get('allow')], [405, 'PUT, DELETE']);
    const page = { ...ME, origin: 'https://evil.example' };
    assert.equal((await put(api, pathOf(threadId, answer), { value: 'up' }, page)).status, 403);
  });

  test('a client cannot write feedback as an event', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, talker, byContactHeader);
    const { threadId, answer } = await talk(api);
    const event_data = { message_id: answer, value: 'up' };
    const forged = { events: [{ event_type: 'feedback.given', event_data }] };
    for (const headers of [ME, {}]) {
      assert.equal((await api.post(`${THREADS}/${threadId}/events`, forged, headers)).status, 422);
      const chat = { contact_id: 'me', message: 'x', event_type: 'feedback.given' };
      assert.equal((await api.post('/api/v1/chat', chat, headers)).status, 422);
    }
  });
});

interface Talk {
  readonly threadId: string;
  readonly question: string;
  readonly answer: string;
  /** An event that is not a message. */
  readonly other: string;
}

/** A message and its answer. */
async function talk(api: TestApi, headers: Record<string, string> = ME): Promise<Talk> {
  const answer = await jsonOf(await api.post('/api/v1/chat', { message: 'Hi' }, headers));
  const threadId = String(answer['thread_id']);
  const { events } = await jsonOf(await api.get(`${THREADS}/${threadId}/events`));
  const list: { event_id: string; event_type: string }[] = Object(events);
  const idOf = (pattern: RegExp): string =>
    list.find(({ event_type }) => pattern.test(event_type))?.event_id ?? assert.fail();
  return {
    threadId,
    question: idOf(/^comm.user_message$/),
    answer: idOf(/^comm.assistant_message$/),
    other: idOf(/^rag|^state/),
  };
}

function pathOf(threadId: string, messageId: string): string {
  return `${THREADS}/${threadId}/messages/${messageId}/feedback`;
}

function put(
  api: TestApi,
  path: string,
  body: unknown,
  headers: Record<string, string> = ME,
): Promise<Response> {
  return api.send('PUT', path, {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function feedbackEvents(api: TestApi, threadId: string): Promise<[string, unknown][]> {
  const { events } = await jsonOf(await api.get(`${THREADS}/${threadId}/events?domain=feedback`));
  return Object(events).map((event: { event_type: string; event_data: unknown }) => [
    event.event_type,
    event.event_data,
  ]);
}

async function listed(
  api: TestApi,
  query: string,
  headers: Record<string, string> = {},
): Promise<string[]> {
  const { threads } = await jsonOf(await api.get(THREADS + query, headers));
  return Object(threads).map(({ thread_id }: { thread_id: string }) => thread_id);
}
