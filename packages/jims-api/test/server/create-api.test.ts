import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { defineApp } from 'jims-core';
import * as v from 'valibot';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { HttpError, createApi } from '../../src/index.ts';
import { jsonOf, testApi } from '../support/api.ts';
import type { TestAppOptions } from '../support/api.ts';
import { createGate } from '../support/gate.ts';
import { liveFrames } from '../support/live-frames.ts';
import { recorder } from '../support/recorder.ts';
import { talker } from '../support/talker.ts';

const CHAT = '/api/v1/chat';
const HELLO = { contact_id: 'customer:42', message: 'Hello' };

/** The line of one stream. */
const StreamLines = v.tuple([
  v.looseObject({ ms: v.number(), headMs: v.number(), end: v.string() }),
]);

const echo: TestAppOptions = (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);

test('the whole service is one fetch handler', async () => {
  await using api = testApi(echo);
  const response = await api.post(CHAT, HELLO);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  const answer = await jsonOf(response);
  assert.deepEqual(answer, {
    thread_id: answer['thread_id'],
    created_new_thread: true,
    assistant_messages: ['You said: Hello'],
    events: [
      {
        event_type: 'comm.assistant_message',
        event_data: { role: 'assistant', content: 'You said: Hello' },
      },
    ],
  });
  const again = await api.fetch.fetch(new Request('http://localhost/healthz'));
  assert.deepEqual(await again.json(), { status: 'ok' });
});

test('a service with its database is alive and ready', async () => {
  await using api = testApi(echo);
  assert.equal((await api.get('/healthz')).status, 200);
  const ready = await api.get('/readyz');
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), { status: 'ready' });
});

test('a service without its database is alive and not ready, and does not say why', async () => {
  const api = createApi(defineApp({ pipeline: () => {}, store: 'sqlite:////dev/null/x.db' }));
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r1' };
  const post = { method: 'POST', headers, body: JSON.stringify(HELLO) };
  for (const request of [
    new Request('http://localhost/readyz', { headers }),
    new Request(`http://localhost${CHAT}`, post),
  ]) {
    const response = await api(request);
    assert.equal(response.status, 500);
    assert.deepEqual(await response.json(), {
      detail: 'Internal Server Error (request r1)',
      code: 'store_invalid',
    });
  }
  assert.equal((await api(new Request('http://localhost/healthz'))).status, 200);
});

test('a service that stops is alive and not ready', async () => {
  let draining = false;
  await using api = testApi(echo, { isDraining: () => draining });
  assert.equal((await api.get('/readyz')).status, 200);
  draining = true;
  const ready = await api.get('/readyz');
  assert.equal(ready.status, 503);
  assert.equal((await jsonOf(ready))['code'], 'shutting_down');
  assert.equal((await api.get('/healthz')).status, 200);
});

test('a service that is closed says so, whatever is asked of it', async () => {
  await using api = testApi(echo);
  assert.equal((await api.post(CHAT, HELLO)).status, 200);
  await api.app.close();
  const late = [
    await api.post(CHAT, HELLO),
    await api.get('/api/v1/threads'),
    await api.get('/ai-sdk/chat/chat-1'),
  ];
  for (const response of late) {
    assert.equal(response.status, 503);
    assert.ok(response.headers.has('retry-after'));
  }
});

test('HEAD is answered as GET, without a body', async () => {
  await using api = testApi(echo);
  for (const path of ['/healthz', '/openapi.json', '/docs']) {
    const head = await api.fetch(new Request(`http://localhost${path}`, { method: 'HEAD' }));
    assert.equal(head.status, 200, path);
    assert.equal(await head.text(), '', path);
  }
});

test('HEAD of a stream uses up no stream of the limit, and leaves the run alone', async () => {
  await using api = testApi(talker, { maxStreams: 1 });
  const { thread } = await api.app.threads.getOrCreate({ contactId: 'c' });
  const run = await jsonOf(
    await api.post(`/api/v1/threads/${thread.id}/runs`, { message: 'wait' }),
  );
  const stream = `/api/v1/runs/${String(run['run_id'])}/stream`;
  for (let again = 0; again < 3; again += 1) {
    const head = await api.send('HEAD', stream);
    assert.equal(head.status, 200);
    assert.match(head.headers.get('content-type') ?? '', /event-stream/);
  }
  const joined = await api.get(stream);
  assert.equal(joined.status, 200);
  await api.app.runs.cancel(String(run['run_id']));
  assert.match(await joined.text(), /waiting/);
});

test('an address with a NUL is refused: no database keeps it', async () => {
  await using api = testApi(echo);
  for (const path of ['/api/v1/threads?contact_id=a%00', '/ai-sdk/chat/a%00b', '/v1/models/%00']) {
    const response = await api.get(path);
    assert.equal(response.status, 400, path);
  }
});

test('unknown routes are 404, known ones with another method 405 and what they allow', async () => {
  await using api = testApi(echo);
  for (const path of ['/', '/api', '/api/v1/chat//', '/API/V1/CHAT', '//healthz', '/metrics']) {
    const response = await api.get(path);
    assert.equal(response.status, 404, path);
    assert.deepEqual(await response.json(), { detail: 'Not Found' });
  }
  const wrong = await api.get(CHAT);
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'POST');
  assert.deepEqual(await wrong.json(), { detail: 'Method Not Allowed' });
  const posted = await api.post('/healthz', {});
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get('allow'), 'GET, HEAD, OPTIONS');
});

test('a load balancer may ask by OPTIONS whether the service is well', async () => {
  let isDraining = false;
  await using api = testApi(echo, { apiKeys: ['key'], isDraining: () => isDraining });
  const ask = async (path: string): Promise<number> => (await api.send('OPTIONS', path)).status;
  assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 200]);
  isDraining = true;
  assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 503]);
});

test('the address of the other page of FastAPI leads to the documentation', async () => {
  await using api = testApi(echo, { apiKeys: ['s3cret'] });
  for (const [path, location] of [
    ['/redoc', 'docs'],
    ['/redoc/', '../docs'],
  ] as const) {
    const response = await api.get(path);
    assert.deepEqual([response.status, response.headers.get('location')], [307, location]);
  }
});

test('what is not sent as JSON is refused for its content type, but on the original’s routes', async () => {
  await using api = testApi(echo);
  const post = async (path: string, type?: string): Promise<unknown> => {
    const response = await api.send('POST', path, {
      headers: type === undefined ? {} : { 'content-type': type },
      body: new TextEncoder().encode(JSON.stringify(HELLO)),
    });
    return [response.status, await response.text()];
  };
  const reason = /content-type: application\/json; the content type is (?:text\/plain|missing)/;
  for (const type of ['text/plain', undefined]) {
    for (const path of [
      '/api/v1/threads',
      '/v1/chat/completions',
      '/ag-ui',
      '/ai-sdk/chat',
      '/mcp',
      '/a2a',
    ]) {
      assert.match(String(await post(path, type)), reason, path);
    }
    assert.match(String(await post(CHAT, type)), /^422,.*model_attributes_type/);
  }
});

test('every answer has a request id: the one that came, or a new one', async () => {
  await using api = testApi(echo);
  const id = { 'x-request-id': 'from-the-proxy.1' };
  const answers = [
    await api.get('/healthz', id),
    await api.get('/nowhere', id),
    await api.post(CHAT, HELLO, id),
    await api.post(`${CHAT}/stream`, HELLO, id),
    await api.post(CHAT, {}, id),
  ];
  for (const { status, headers } of answers) {
    assert.equal(headers.get('x-request-id'), 'from-the-proxy.1', String(status));
  }
  const first = (await api.get('/healthz')).headers.get('x-request-id');
  const second = (await api.get('/healthz')).headers.get('x-request-id');
  assert.match(first ?? '', /^[0-9a-f-]{36}$/);
  assert.notEqual(first, second);
  const unfit = await api.get('/healthz', { 'x-request-id': 'a b' });
  assert.match(unfit.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
});

test('a body over the limit is 413, declared or not', async () => {
  await using api = testApi(echo, { maxBodyBytes: 100 });
  const long = JSON.stringify({ ...HELLO, message: 'x'.repeat(100) });
  const declared = await api.post(CHAT, long, { 'content-length': String(long.length) });
  const found = await api.post(CHAT, long);
  for (const response of [declared, found]) {
    assert.equal(response.status, 413);
    assert.equal((await jsonOf(response))['code'], 'body_too_large');
  }
  assert.equal((await api.post(CHAT, HELLO)).status, 200);
});

test('a compressed body is read, on every route', async () => {
  await using api = testApi(echo);
  const send = (path: string, body: object, encoding = 'gzip'): Promise<Response> =>
    api.send('POST', path, {
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      body: new Uint8Array(gzipSync(JSON.stringify(body))),
    });
  assert.equal((await send(CHAT, HELLO)).status, 200);
  const messages = [{ role: 'user', content: 'hi' }];
  assert.equal((await send('/v1/chat/completions', { messages })).status, 200);
  const unknown = await send('/v1/responses', { input: 'hi' }, 'lzma');
  assert.equal(unknown.status, 415);
  assert.match(await unknown.text(), /content_encoding_not_supported/);
  for (const path of ['/v1/responses', CHAT]) {
    const badly = await api.send('POST', path, {
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: '{"input":"hi"}',
    });
    assert.equal(badly.status, 400);
    const text = await badly.text();
    assert.match(text, /is not gzip, as its content-encoding says.*content_encoding_invalid/, path);
  }
  const bomb = await send(CHAT, { ...HELLO, message: 'x'.repeat(50_000_000) });
  assert.deepEqual([bomb.status, (await jsonOf(bomb))['code']], [413, 'body_too_large']);
});

test('what cannot be read as UTF-8 is 400', async () => {
  await using api = testApi(echo);
  const response = await api.fetch(
    new Request(`http://localhost${CHAT}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    }),
  );
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { detail: 'There was an error parsing the body' });
});

test('without its key nobody learns more than that the service is alive', async () => {
  await using api = testApi(echo, { apiKeys: ['s3cret'] });
  for (const path of ['/openapi.json', '/docs']) {
    const response = await api.get(path);
    assert.equal(response.status, 401, path);
    assert.equal(response.headers.get('www-authenticate'), 'Bearer', path);
    assert.doesNotMatch(await response.text(), /contact_id/, path);
  }
  const chat = await api.post(CHAT, 'no JSON at all');
  assert.equal(chat.status, 401, 'the key is looked at before the body');
  assert.deepEqual(await chat.json(), { detail: 'Unauthorized' });
  assert.equal((await api.get('/healthz')).status, 200);
  assert.equal((await api.get('/readyz')).status, 200);
  const bearer = { authorization: 'Bearer s3cret' };
  assert.equal((await api.post(CHAT, HELLO, bearer)).status, 200);
  assert.equal((await api.get('/docs', bearer)).status, 200);
  const document = await jsonOf(await api.get('/openapi.json', bearer));
  assert.deepEqual(document['security'], [{ bearer: [] }]);
});

test('a custom authenticate replaces keys, and may let in contacts who act for themselves', async () => {
  await using api = testApi(echo, {
    async authenticate(request) {
      const contactId = request.headers.get('x-contact');
      return contactId === null ? undefined : { kind: 'contact', contactId, id: contactId };
    },
    sharedThreads: true,
  });
  assert.equal((await api.post(CHAT, HELLO)).status, 401);
  assert.equal((await api.post(CHAT, HELLO, { 'x-contact': 'customer:42' })).status, 200);
  const foreign = await api.post(CHAT, HELLO, { 'x-contact': 'customer:43' });
  assert.equal(foreign.status, 404);
  const others = await api.app.threads.getOrCreate({ contactId: 'customer:42' });
  const guessed = { contact_id: 'customer:43', message: 'Hi', thread_id: others.thread.id };
  const shared = await api.post(CHAT, guessed, { 'x-contact': 'customer:43' });
  assert.equal(shared.status, 404, 'shared threads are for services');
});

test('an authentication that cannot decide is 503; one that breaks is 500 and reveals nothing', async () => {
  await using away = testApi(echo, {
    authenticate: async () => {
      throw new HttpError(503, 'Authentication is unavailable', { code: 'auth_unavailable' });
    },
  });
  const unavailable = await away.post(CHAT, HELLO);
  assert.equal(unavailable.status, 503);
  assert.equal((await jsonOf(unavailable))['code'], 'auth_unavailable');

  const { logger, lines } = recorder();
  await using broken = testApi(echo, {
    logger,
    authenticate: async () => {
      throw new Error('ldap://secret-host refused');
    },
  });
  const response = await broken.post(CHAT, HELLO, { 'x-request-id': 'r1' });
  assert.equal(response.status, 500);
  assert.deepEqual(await response.json(), { detail: 'Internal Server Error (request r1)' });
  assert.match(JSON.stringify(lines), /secret-host/, 'the log knows');
});

test('a request is one line of log, without its key and its text', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, { logger, apiKeys: ['s3cret'] });
  const headers = { authorization: 'Bearer s3cret', 'x-request-id': 'r1' };
  const answer = await api.post(CHAT, { contact_id: 'c', message: 'my card is 4111' }, headers);
  const requests = lines.filter(({ message }) => message === 'request');
  assert.equal(requests.length, 1);
  const { ms, ...fields } = { ms: undefined, ...requests[0]?.fields };
  assert.equal(typeof ms, 'number');
  assert.deepEqual(fields, {
    requestId: 'r1',
    method: 'POST',
    path: CHAT,
    status: 200,
    runId: answer.headers.get('x-jims-run-id'),
    threadId: answer.headers.get('x-jims-thread-id'),
  });
  assert.doesNotMatch(JSON.stringify(lines), /s3cret|4111/);
});

test('the log names routes and not the people in their addresses', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, { logger });
  await api.get('/api/v1/contacts/ann@example.com/export');
  await api.send('DELETE', '/api/v1/contacts/ann@example.com');
  await api.get('/api/v1/contacts/ann@example.com');
  await api.get('/api/v1/contacts/ann@example.com/no-such-thing');
  const requests = lines.filter(({ message }) => message === 'request');
  const paths = requests.map(({ fields }) => ({ path: undefined, ...fields }).path);
  assert.equal(paths[0], '/api/v1/contacts/:contact_id/export');
  assert.equal(paths.length, 4);
  assert.doesNotMatch(JSON.stringify(lines), /ann@example/);
});

test('a probe that succeeds is a line for --verbose only', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, { logger, isDraining: () => true });
  await api.get('/healthz');
  await api.get('/readyz');
  const seen = lines.filter(({ message }) => message === 'request');
  assert.deepEqual(
    seen.map(({ level }) => level),
    ['debug', 'info'],
  );
});

test('a 401 says in the log why, and never to the caller', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, { logger, apiKeys: ['s3cret'] });
  const reasonOf = async (headers: Record<string, string>): Promise<unknown> => {
    const refused = await api.post(CHAT, HELLO, headers);
    assert.deepEqual(await refused.json(), { detail: 'Unauthorized' });
    return { reason: undefined, ...lines.at(-1)?.fields }.reason;
  };
  assert.equal(await reasonOf({}), 'there is no Authorization header');
  assert.equal(
    await reasonOf({ authorization: 'Basic YTpi' }),
    'the Authorization header is not one Bearer token',
  );
  assert.equal(await reasonOf({ authorization: 'Bearer guess' }), 'the token is not a known key');
  assert.doesNotMatch(JSON.stringify(lines), /guess|s3cret/);
});

test('the log has a code for each refusal, that of the metrics when the answer has none', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, { logger });
  assert.deepEqual(Object.keys(await jsonOf(await api.post(CHAT, {}))), ['detail']);
  await api.send('POST', CHAT, { body: new Uint8Array([0xff]) });
  await api.post(CHAT, HELLO, { 'idempotency-key': 'no key' });
  const requests = lines.filter(({ message }) => message === 'request');
  assert.deepEqual(
    requests.map(({ fields }) => ({ code: undefined, ...fields }).code),
    ['request_invalid', 'request_invalid', 'idempotency_key_invalid'],
  );
});

test('an overload is a warning now and then, without a stack', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, {
    logger,
    authenticate: async () => {
      throw new HttpError(503, 'Busy', { code: 'overloaded', cause: new Error('too much') });
    },
  });
  for (let i = 0; i < 5; i++) await api.post(CHAT, HELLO);
  const warnings = lines.filter(({ message }) => message === 'Busy');
  assert.deepEqual(
    warnings.map(({ level }) => level),
    ['warn'],
  );
  assert.doesNotMatch(JSON.stringify(warnings), /stack|create-api/);
  const codes = lines.filter(({ message }) => message === 'request').map(({ fields }) => fields);
  assert.equal(codes.length, 5);
  for (const fields of codes)
    assert.partialDeepStrictEqual(fields, { status: 503, code: 'overloaded' });
});

test('a stream is logged when it is over, with its run, its whole time and how it ended', async () => {
  const { logger, lines } = recorder();
  const gate = createGate();
  await using api = testApi(
    async (ctx) => {
      ctx.updateAgentStatus('Wait…');
      await gate.passed(ctx.signal);
    },
    { logger },
  );
  const requests = (): readonly object[] =>
    lines.filter(({ message }) => message === 'request').map(({ fields }) => fields);
  const stream = await api.post('/api/v1/chat/stream', HELLO);
  const frames = liveFrames(stream);
  await frames.until('status');
  assert.deepEqual(requests(), []);
  gate.open();
  await frames.rest();
  const [{ ms, headMs, ...fields }] = v.parse(StreamLines, requests());
  assert.ok(headMs <= ms);
  assert.deepEqual(fields, {
    requestId: stream.headers.get('x-request-id'),
    method: 'POST',
    path: '/api/v1/chat/stream',
    status: 200,
    runId: stream.headers.get('x-jims-run-id'),
    threadId: stream.headers.get('x-jims-thread-id'),
    end: 'completed',
  });
  const left = liveFrames(await api.post('/api/v1/chat/stream', HELLO));
  await left.leave();
  await eventually(() => requests().length === 2);
  assert.equal(v.parse(StreamLines, requests().slice(1))[0].end, 'client_gone');
});

test('with --verbose the log says who called, and what became of the message', async () => {
  const { logger, lines } = recorder();
  await using api = testApi(echo, { logger, apiKeys: ['s3cret'] });
  const answer = await api.post('/api/v1/chat', HELLO, { authorization: 'Bearer s3cret' });
  const requestId = answer.headers.get('x-request-id');
  const details = lines.filter(({ level }) => level === 'debug');
  assert.deepEqual(
    details.map(({ message }) => message),
    ['request received', 'caller recognised', 'message accepted'],
  );
  for (const { fields } of details) assert.equal(Reflect.get(fields, 'requestId'), requestId);
  const [, caller, accepted] = details;
  assert.equal(Reflect.get(caller?.fields ?? {}, 'caller'), 'service');
  const runId = answer.headers.get('x-jims-run-id');
  assert.equal(Reflect.get(accepted?.fields ?? {}, 'runId'), runId);
  assert.doesNotMatch(JSON.stringify(lines), /s3cret|Hello/);
});

test('where the public address is known, answers that name an address use it', async () => {
  await using api = testApi(echo, { publicUrl: 'https://chat.example/bot/' });
  const made = await api.post('/api/v1/threads', { contact_id: 'c' });
  const { thread_id: threadId } = await jsonOf(made);
  assert.equal(
    made.headers.get('location'),
    `https://chat.example/bot/api/v1/threads/${String(threadId)}`,
  );
  const run = await api.post(`/api/v1/threads/${String(threadId)}/runs`, {
    contact_id: 'c',
    message: 'Hi',
  });
  assert.match(run.headers.get('location') ?? '', /^https:\/\/chat\.example\/bot\/api\/v1\/runs\//);
  const file = await api.send('POST', '/api/v1/files?contact_id=c', {
    headers: { 'content-type': 'text/plain' },
    body: 'x',
  });
  assert.match(
    file.headers.get('location') ?? '',
    /^https:\/\/chat\.example\/bot\/api\/v1\/files\//,
  );
  const { servers } = await jsonOf(await api.get('/openapi.json'));
  assert.deepEqual(servers, [{ url: 'https://chat.example/bot' }]);
});

test('options that could only lock everyone out are refused at once', () => {
  assert.throws(() => testApi(echo, { apiKeys: [''] }), TypeError);
});
