// Answers that nobody takes hold a page of a log each: one caller has only so many of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Principal } from '../../src/http/principal.ts';
import { jsonOf, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';

const CONTACT = { authorization: 'Bearer anna' };
const OTHER = { authorization: 'Bearer bert' };
const SERVICE = { authorization: 'Bearer service' };
const AT_ONCE = 4;
const MOST_WAITING = 256;

async function authenticate({ headers }: Request): Promise<Principal> {
  const id = headers.get('authorization')?.replace('Bearer ', '') ?? '';
  return id === 'service' ? { kind: 'service', id } : { kind: 'contact', id, contactId: id };
}

/** A thread of each contact whose page is more than is written at once. */
async function large(): Promise<TestApi> {
  const api = testApi((ctx) => ctx.sendMessage('x'.repeat(200_000)), { authenticate });
  for (const headers of [CONTACT, OTHER]) {
    const chat = { id: 'c', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }] };
    await (await api.post('/ai-sdk/chat', chat, headers)).text();
  }
  return api;
}

async function pathsOf(api: TestApi): Promise<readonly string[]> {
  const { threads } = await jsonOf(await api.get('/api/v1/threads', CONTACT));
  const [{ thread_id }] = Object(threads);
  const conversation = `conv_${String(thread_id).replaceAll('-', '')}`;
  return [
    `/api/v1/threads/${thread_id}/events`,
    '/api/v1/contacts/anna/export',
    '/ai-sdk/chat/c',
    `/v1/conversations/${conversation}/items`,
  ];
}

async function isAnswered(answer: Promise<Response>): Promise<boolean> {
  return (await Promise.race([answer, sleep(100, undefined)])) !== undefined;
}

test('a caller waits for answers that are not read yet, in every protocol, and others do not', async () => {
  await using api = await large();
  for (const path of await pathsOf(api)) {
    const open = Array.from({ length: AT_ONCE }, () => api.get(path, CONTACT));
    const held = await Promise.all(open);
    const next = api.get(path, CONTACT);
    assert.equal(await isAnswered(next), false, path);
    for (const headers of [OTHER, SERVICE]) {
      assert.equal((await api.get('/api/v1/contacts/bert/export', headers)).status, 200);
    }
    await held[0]?.text();
    const last = await next;
    assert.equal(last.status, 200, path);
    for (const response of [...held.slice(1), last]) await response.body?.cancel();
  }
});

test('a turn ends with the client, and HEAD and small answers have none', async () => {
  await using api = await large();
  const [path = ''] = await pathsOf(api);
  const leaving = new AbortController();
  const init = { headers: CONTACT, signal: leaving.signal };
  // Held to the end: a request that nobody holds is collected, and with it what its signal leads to.
  const requests = Array.from(
    { length: AT_ONCE },
    () => new Request(`http://localhost${path}`, init),
  );
  for (const request of requests) await api.fetch(request);
  const next = api.get(path, CONTACT);
  assert.equal(await isAnswered(next), false);
  leaving.abort();
  await (await next).text();
  for (let n = 0; n <= AT_ONCE; n++) {
    await api.send('HEAD', path, { headers: CONTACT });
    await api.get('/api/v1/threads', CONTACT);
    assert.equal((await api.get(`${path}?limit=0`, CONTACT)).status, 422);
    assert.equal((await api.get('/v1/conversations/x/items', CONTACT)).status, 404);
  }
  await (await api.get(path, CONTACT)).text();
  assert.ok(requests.every(({ signal }) => signal.aborted));
});

test('too many that wait are refused', async () => {
  await using api = await large();
  const [path = ''] = await pathsOf(api);
  const all = Array.from({ length: AT_ONCE + MOST_WAITING + 1 }, () => api.get(path, CONTACT));
  const refused = await Promise.race(all.slice(AT_ONCE));
  assert.equal(refused.status, 429);
  assert.ok(refused.headers.has('retry-after'));
  assert.equal((await jsonOf(refused))['code'], 'too_many_reads');
  const statuses = await Promise.all(
    all.map(async (answer) => {
      const response = await answer;
      if (!response.bodyUsed) await response.text();
      return response.status;
    }),
  );
  assert.equal(statuses.filter((status) => status === 200).length, AT_ONCE + MOST_WAITING);
});
