// The header x-jims-contact-id: the contact that it names is the only one that a request reaches.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newEvent } from 'jims-core';
import type { ThreadContext } from 'jims-core';

import type { Principal } from '../../src/http/principal.ts';
import { jsonOf, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';

const HEADER = 'x-jims-contact-id';
const KEY = { authorization: 'Bearer service' };
const NO_UUID = '01234567-0123-7123-8123-0123456789ab';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

async function byKey({ headers }: Request): Promise<Principal | undefined> {
  const key = headers.get('authorization')?.replace('Bearer ', '');
  if (key === undefined) return undefined;
  return key === 'service'
    ? { kind: 'service', id: key }
    : { kind: 'contact', id: key, contactId: key };
}

function whoami(ctx: ThreadContext): void {
  ctx.sendEvent('rag.sources', { n: 1 });
  ctx.sendMessage(`${ctx.contactId} ${ctx.history.length}`);
}

function keyed(options = {}): TestApi {
  return testApi(whoami, { authenticate: byKey, ...options });
}

/** A thread and a run of anna's, for somebody else to look for. */
async function annas(api: TestApi): Promise<{ threadId: string; runId: string }> {
  const headers = { ...KEY, [HEADER]: 'anna' };
  const body = { contact_id: 'anna', message: 'secret' };
  const answer = await api.post('/api/v1/chat', body, headers);
  assert.equal(answer.status, 200);
  return {
    threadId: String(answer.headers.get('x-jims-thread-id')),
    runId: String(answer.headers.get('x-jims-run-id')),
  };
}

/** Answers to the same request by a service for bert, and by bert's own token. */
async function forBert(
  api: TestApi,
  method: string,
  path: string,
  body?: object,
): Promise<readonly [Response, Response]> {
  const send = (headers: Readonly<Record<string, string>>): Promise<Response> =>
    api.send(method, path, {
      headers: { 'content-type': 'application/json', 'x-request-id': 'r', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  return [await send({ ...KEY, [HEADER]: 'bert' }), await send({ authorization: 'Bearer bert' })];
}

describe('a service that names a contact', () => {
  test('reaches on JIMS’s own routes what that contact’s token would reach', async () => {
    await using api = keyed();
    const { threadId, runId } = await annas(api);
    const requests: readonly (readonly [string, string, object?])[] = [
      ['GET', '/api/v1/contacts/anna/export'],
      ['DELETE', '/api/v1/contacts/anna'],
      ['GET', '/api/v1/threads'],
      ['GET', `/api/v1/threads/${threadId}`],
      ['PATCH', `/api/v1/threads/${threadId}`, { thread_config: { plan: 'gold' } }],
      ['DELETE', `/api/v1/threads/${threadId}`],
      ['GET', `/api/v1/threads/${threadId}/events`],
      ['POST', `/api/v1/threads/${threadId}/runs`, { message: 'x' }],
      ['POST', '/api/v1/chat', { message: 'x', thread_id: threadId }],
      ['POST', '/api/v1/threads', { thread_id: threadId }],
      ['GET', `/api/v1/runs/${runId}`],
      ['GET', `/api/v1/runs/${runId}/stream`],
      ['POST', `/api/v1/runs/${runId}/cancel`],
    ];
    for (const [method, path, body] of requests) {
      const [service, contact] = await forBert(api, method, path, body);
      assert.equal(service.status, contact.status, `${method} ${path}`);
      assert.equal(await service.text(), await contact.text(), `${method} ${path}`);
      assert.ok(path === '/api/v1/threads' || service.status === 404, `${method} ${path}`);
    }
    const tail = await api.get(`/api/v1/threads/${threadId}/events`, {
      ...KEY,
      [HEADER]: 'bert',
      accept: 'text/event-stream',
    });
    assert.equal(tail.status, 404);
    const [thread, ...more] = (await api.app.threads.list({ limit: 10 })).threads;
    assert.equal(thread?.id, threadId);
    assert.deepEqual(more, []);
  });

  test('may not do for a contact what only services may', async () => {
    await using api = keyed();
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'bert' });
    await api.app.threads
      .find(thread.id)
      .then((found) => found?.append(newEvent('state.set.x', {})));
    for (const [method, path, body] of [
      ['PATCH', `/api/v1/threads/${thread.id}`, { thread_config: {} }],
      ['GET', `/api/v1/threads/${thread.id}/events?domain=state`],
    ] as const) {
      const [service, contact] = await forBert(api, method, path, body);
      assert.equal(service.status, 404, path);
      assert.equal(contact.status, 404, path);
    }
  });

  test('goes before the body and the query', async () => {
    await using api = keyed();
    await annas(api);
    const headers = { ...KEY, [HEADER]: 'bert' };
    const named = { contact_id: 'anna', message: 'Hi' };
    const chat = await jsonOf(await api.post('/api/v1/chat', named, headers));
    assert.deepEqual(chat['assistant_messages'], ['bert 1']);
    const strange = await api.post('/api/v1/chat', { contact_id: 7, message: 'Hi' }, headers);
    assert.equal(strange.status, 200);
    const made = await jsonOf(await api.post('/api/v1/threads', { contact_id: 'anna' }, headers));
    assert.equal(made['contact_id'], 'bert');
    const path = `/api/v1/threads/${String(made['thread_id'])}/runs`;
    assert.equal((await api.post(path, named, headers)).status, 202);
    const { threads } = await jsonOf(await api.get('/api/v1/threads?contact_id=anna', headers));
    assert.ok(Array.isArray(threads) && threads.length === 2);
    assert.ok(threads.every((thread) => Object(thread).contact_id === 'bert'));
    const body = { messages: [{ text: 'Hi' }] };
    const deep = await api.post('/deep-chat?contact_id=anna', body, headers);
    assert.match(await deep.text(), /bert/);
    const openAi = await api.post(
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'Hi' }], user: ' not a name ' },
      { ...headers, 'x-openwebui-user-id': 'anna' },
    );
    assert.match(await openAi.text(), /bert 1/);
  });

  test('is seen by the pipeline as the contact', async () => {
    let seen: unknown;
    await using api = testApi((ctx: ThreadContext) => void (seen = ctx.principal), {
      authenticate: byKey,
    });
    await api.post('/api/v1/chat', { message: 'Hi' }, { ...KEY, [HEADER]: 'anna' });
    assert.deepEqual(seen, { kind: 'contact', id: 'service', contactId: 'anna' });
  });
});

describe('the header', () => {
  /** A header, whose characters stand for one byte each. */
  const inUtf8 = (name: string): string => Buffer.from(name).toString('latin1');

  test('names a contact in UTF-8, as a body does', async () => {
    await using api = keyed();
    // The last byte of à is a space when it is read as a character.
    for (const name of ['Jörg', '李雷', 'JÃ¶rg', 'Niccolà']) {
      const headers = { ...KEY, [HEADER]: inUtf8(name) };
      const byHeader = await jsonOf(await api.post('/api/v1/chat', { message: 'Hi' }, headers));
      assert.deepEqual(byHeader['assistant_messages'], [`${name} 1`]);
      const named = { message: 'Hi', contact_id: name };
      const byBody = await jsonOf(await api.post('/api/v1/chat', named, KEY));
      assert.deepEqual(byBody['assistant_messages'], [`${name} 3`]);
    }
    const latin1 = { ...KEY, [HEADER]: 'J\u00f6rg' };
    const refused = await api.post('/api/v1/chat', { message: 'Hi' }, latin1);
    assert.equal(refused.status, 400);
    const { code, detail } = await jsonOf(refused);
    assert.equal(code, 'contact_header_invalid');
    assert.match(String(detail), /it is not UTF-8/);
  });

  test('of a front end is one name in UTF-8, too', async () => {
    await using api = keyed();
    const body = { messages: [{ role: 'user', content: 'Hi' }], user: 'anna' };
    for (const [header, seen] of [
      [inUtf8('Jörg'), /Jörg 1/],
      [inUtf8('Niccolà'), /Niccolà 1/],
      ['ib, ia', /must name one contact/],
      ['J\u00f6rg', /not UTF-8/],
    ] as const) {
      const headers = { ...KEY, 'x-openwebui-user-id': header };
      const answer = await api.post('/v1/chat/completions', body, headers);
      assert.match(await answer.text(), seen);
    }
  });

  async function statuses(
    api: TestApi,
    headers: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, number>>> {
    const { paths } = await jsonOf(await api.get('/openapi.json', KEY));
    const all: Record<string, number> = {};
    for (const [path, item] of Object.entries(Object(paths))) {
      for (const method of METHODS.filter((each) => each in Object(item))) {
        const response = await api.send(
          method.toUpperCase(),
          path.replaceAll(/\{[^}]*\}/g, NO_UUID),
          {
            headers: { 'content-type': 'application/json', ...KEY, ...headers },
            ...(method !== 'get' && { body: '{}' }),
          },
        );
        await response.body?.cancel();
        all[`${method} ${path}`] = response.status;
      }
    }
    return all;
  }

  const OPEN = ['get /healthz', 'get /readyz', 'get /.well-known/agent-card.json'];
  const CONTACTLESS = [
    'get /openapi.json',
    'get /docs',
    'get /api/v1/app',
    'get /ag-ui/capabilities',
  ];

  test('that is empty, or sent with two names, is refused by every operation that is for a contact', async () => {
    await using api = keyed();
    for (const value of ['', 'ib, ia']) {
      const all = await statuses(api, { [HEADER]: value });
      for (const [operation, status] of Object.entries(all)) {
        assert.equal(status, OPEN.includes(operation) ? 200 : 400, `${operation} '${value}'`);
      }
    }
    // All of them have it from one function.
    for (const value of [' ', 'ib,ia', 'ib, ib', 'ib,ib', 'ib, ', ',ib', ', ']) {
      const { status } = await api.get('/api/v1/threads', { ...KEY, [HEADER]: value });
      assert.equal(status, 400, `'${value}'`);
    }
    const { code, detail } = await jsonOf(
      await api.post('/api/v1/chat', { message: 'x' }, { ...KEY, [HEADER]: '' }),
    );
    assert.equal(code, 'contact_header_invalid');
    assert.match(String(detail), /is empty/);
  });

  test('of a contact’s own token names that contact, or is not found', async () => {
    await using api = keyed();
    const own = { authorization: 'Bearer bert' };
    for (const path of ['/api/v1/threads', '/ai-sdk/chat/c1']) {
      assert.equal((await api.get(path, { ...own, [HEADER]: 'bert' })).status, 200);
      assert.equal((await api.get(path, { ...own, [HEADER]: 'anna' })).status, 404);
      assert.equal((await api.get(path, { ...own, [HEADER]: '' })).status, 400);
    }
  });

  test('can be demanded of services; what is about no contact needs none', async () => {
    await using api = keyed({ requireContactHeader: true });
    for (const [operation, status] of Object.entries(await statuses(api, {}))) {
      const expected = [...OPEN, ...CONTACTLESS].includes(operation) ? 200 : 400;
      assert.equal(status, expected, operation);
    }
    const { code } = await jsonOf(await api.post('/api/v1/chat', { contact_id: 'a' }, KEY));
    assert.equal(code, 'contact_header_required');
    await annas(api);
    const own = { authorization: 'Bearer bert' };
    assert.equal((await api.post('/api/v1/chat', { message: 'x' }, own)).status, 200);
  });
});
