// What a page on the web can make a browser send: no effect, nothing to read, in any protocol.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

import { createApi } from '../../src/index.ts';
import type { ApiOptions } from '../../src/index.ts';
import { jsonOf, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { serveApp } from '../support/listening-app.ts';

const CHAT = '/api/v1/chat';
const HELLO = { contact_id: 'anna', message: 'Hello' };
const NO_UUID = '01234567-0123-7123-8123-0123456789ab';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

function echo(ctx: { sendMessage(text: string): void; lastUserMessage: string | undefined }): void {
  ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
}

interface Operation {
  readonly method: string;
  readonly path: string;
}

/** Every operation of every protocol, with something in the place of its parameters. */
async function operations(api: TestApi): Promise<readonly Operation[]> {
  const { paths } = await jsonOf(await api.get('/openapi.json'));
  return Object.entries(Object(paths)).flatMap(([path, item]) =>
    METHODS.filter((method) => method in Object(item)).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{[^}]*\}/g, NO_UUID),
    })),
  );
}

async function sendAll(
  api: TestApi,
  headers: Readonly<Record<string, string>>,
): Promise<readonly (Operation & { readonly status: number })[]> {
  const all = await operations(api);
  return Promise.all(
    all.map(async ({ method, path }) => {
      const body = method === 'GET' ? {} : { body: '{}' };
      const sent = { 'content-type': 'application/json', accept: 'text/event-stream', ...headers };
      const response = await api.send(method, path, { headers: sent, ...body });
      await response.body?.cancel();
      return { method, path, status: response.status };
    }),
  );
}

async function status(
  api: TestApi,
  headers: Readonly<Record<string, string>>,
  path = CHAT,
): Promise<number> {
  return (await api.post(path, HELLO, headers)).status;
}

describe('another origin', () => {
  const FOREIGN = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:1' },
    { origin: 'http://localhost.evil.example' },
    { origin: 'not an origin' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'http://localhost', 'sec-fetch-site': 'cross-site' },
  ];

  test('a page of it has nothing done, by any operation of any protocol', async () => {
    await using api = testApi(echo);
    for (const headers of FOREIGN) {
      const answers = await sendAll(api, headers);
      assert.ok(answers.some(({ path }) => path === '/a2a'));
      const effects = answers.filter(({ method }) => method !== 'GET');
      assert.deepEqual(
        effects.filter((answer) => answer.status !== 403),
        [],
        JSON.stringify(headers),
      );
    }
    assert.deepEqual((await api.app.threads.list({ limit: 10 })).threads, []);
  });

  test('what it may read is for CORS to say: GET is answered', async () => {
    await using api = testApi(echo);
    const answer = await api.get('/api/v1/threads', { origin: 'https://evil.example' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
  });

  test('the refusal says what to do, in the form of the protocol', async () => {
    await using api = testApi(echo);
    const headers = { origin: 'https://evil.example' };
    const native = await api.post(CHAT, HELLO, headers);
    const { detail, code } = await jsonOf(native);
    assert.equal(code, 'origin_not_allowed');
    assert.match(String(detail), /evil\.example.*--cors-origin/);
    const openAi = await jsonOf(await api.post('/v1/conversations', {}, headers));
    assert.equal(Object(openAi['error']).code, 'origin_not_allowed');
    const mcp = await jsonOf(await api.post('/mcp', {}, headers));
    assert.equal(Object(Object(mcp['error']).data).code, 'origin_not_allowed');
  });

  test('a key does not help: a page may have it from a user', async () => {
    await using api = testApi(echo, { apiKeys: ['key'] });
    const headers = { authorization: 'Bearer key' };
    assert.equal(await status(api, headers), 200);
    assert.equal(await status(api, { ...headers, origin: 'https://evil.example' }), 403);
  });

  test('origins that CORS allows may call, and pages of the service itself', async () => {
    await using api = testApi(echo, { corsOrigins: ['https://app.example'] });
    for (const headers of [
      { origin: 'https://app.example' },
      { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'http://localhost' },
      { origin: 'https://localhost' },
      { origin: 'https://chat.example', host: 'chat.example:443' },
      { origin: 'https://behind.a.proxy.example', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      {},
    ]) {
      assert.equal(await status(api, headers), 200, JSON.stringify(headers));
    }
    await using any = testApi(echo, { corsOrigins: ['*'] });
    assert.equal(await status(any, { origin: 'https://evil.example' }), 200);
    await using named = testApi(echo, { publicUrl: 'https://chat.example/base' });
    assert.equal(await status(named, { origin: 'https://chat.example' }), 200);
    assert.equal(await status(named, { origin: 'https://chat.example:444' }), 403);
  });
});

describe('a request that a page can send without a preflight', () => {
  const SIMPLE = [
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; a=application/json',
    undefined,
  ];
  const BODIES: Readonly<Record<string, unknown>> = {
    '/api/v1/chat': HELLO,
    '/api/v1/chat/stream': HELLO,
    '/api/v1/threads': { contact_id: 'anna' },
    '/v1/chat/completions': { messages: [{ role: 'user', content: 'x' }] },
    '/v1/responses': { input: 'x' },
    '/v1/conversations': { items: [] },
    '/ai-sdk/chat': { id: 'c', messages: [{ role: 'user', parts: [{ type: 'text', text: 'x' }] }] },
    '/ag-ui': { threadId: 't', runId: 'r', messages: [{ role: 'user', content: 'x' }] },
    '/deep-chat': { contact_id: 'anna', messages: [{ text: 'x' }] },
    '/deep-chat/stream': { contact_id: 'anna', messages: [{ text: 'x' }] },
    '/a2a': { jsonrpc: '2.0', id: 1, method: 'SendMessage', params: {} },
    '/a2a/rest/message:send': { message: { parts: [{ text: 'x' }] } },
    '/mcp': { jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} },
  };

  test('runs nothing and makes nothing, in any protocol', async () => {
    await using api = testApi(echo);
    for (const [path, body] of Object.entries(BODIES)) {
      for (const contentType of SIMPLE) {
        const response = await api.send('POST', path, {
          headers: contentType === undefined ? {} : { 'content-type': contentType },
          // A Blob without a type is sent without a content type.
          body: new Blob([JSON.stringify(body)]),
        });
        const answer = await response.text();
        const refused = response.status >= 400 || /"error"/.test(answer);
        assert.ok(refused, `${path} ${contentType}: ${response.status} ${answer}`);
      }
    }
    assert.deepEqual((await api.app.threads.list({ limit: 10 })).threads, []);
  });

  test('stops no run', async () => {
    await using api = testApi(async ({ signal }: { signal: AbortSignal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const { thread } = await api.app.threads.getOrCreate({ contactId: 'anna' });
    const run = await jsonOf(await api.post(`/api/v1/threads/${thread.id}/runs`, HELLO));
    const runId = String(run['run_id']);
    const hex = runId.replaceAll('-', '');
    for (const path of [
      `/api/v1/runs/${runId}/cancel`,
      `/v1/responses/resp_${hex}/cancel`,
      `/a2a/rest/tasks/${runId}:cancel`,
    ]) {
      for (const contentType of SIMPLE) {
        const response = await api.send('POST', path, {
          headers: contentType === undefined ? {} : { 'content-type': contentType },
          body: new Blob(['x=1']),
        });
        assert.equal(response.status, 415, `${path} ${contentType}`);
      }
    }
    assert.equal((await api.app.runs.record(runId))?.status, 'running');
    const stopped = await api.send('POST', `/api/v1/runs/${runId}/cancel`);
    assert.equal(stopped.status, 202);
  });
});

describe('the host', () => {
  const STRANGE = [
    'evil.example',
    'evil.example:22410',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'chat.example.evil',
  ];
  const KNOWN = [
    'localhost',
    'LOCALHOST:8080',
    'localhost.',
    'app.localhost',
    '127.0.0.1:8080',
    '10.1.2.3',
    '[::1]:8080',
    '[fe80::1]',
    'jims',
    'jims_api:8080',
    'chat.example',
    'CHAT.example:443',
  ];

  function checked(options: ApiOptions = {}): TestApi {
    return testApi(echo, { allowedHosts: ['chat.example'], ...options });
  }

  test('one that anybody can own is refused by every operation, what only reads included', async () => {
    await using api = checked();
    const answers = await sendAll(api, { host: 'evil.example' });
    assert.ok(answers.some(({ method }) => method === 'GET'));
    assert.deepEqual(
      answers.filter((answer) => answer.status !== 403).map(({ path }) => path),
      ['/healthz', '/readyz'],
      'a balancer asks by any name whether the service is up',
    );
    const refused = await jsonOf(await api.get('/api/v1/threads', { host: 'evil.example' }));
    assert.equal(refused['code'], 'host_not_allowed');
    assert.match(String(refused['detail']), /'evil\.example'.*--allowed-host/);
  });

  test('addresses, local names, names without a dot and named ones are answered', async () => {
    await using api = checked({ publicUrl: 'https://public.example/base' });
    for (const host of [...KNOWN, 'public.example']) {
      assert.equal((await api.get('/api/v1/threads', { host })).status, 200, host);
    }
    for (const host of STRANGE) {
      assert.equal((await api.get('/api/v1/threads', { host })).status, 403, host);
    }
    await using any = checked({ allowedHosts: ['*'] });
    assert.equal((await any.get('/api/v1/threads', { host: 'evil.example' })).status, 200);
  });

  test('an API in somebody’s own server checks it by option alone', async () => {
    await using api = testApi(echo);
    const mounted = createApi(api.app);
    const strict = createApi(api.app, { allowedHosts: [] });
    const request = (): Request => new Request('https://chat.example/api/v1/threads');
    assert.equal((await mounted(request())).status, 200);
    assert.equal((await strict(request())).status, 403);
  });

  test('a page that leads its own name here is refused over a socket', async () => {
    await using served = await serveApp(echo, { allowedHosts: [] });
    const ask = (host: string, path = '/api/v1/threads'): Promise<string> =>
      new Promise((resolve, reject) => {
        const sent = httpRequest(`${served.origin}${path}`, { headers: { host } }, (response) => {
          text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
        });
        sent.on('error', reject).end();
      });
    assert.match(await ask('evil.example:22410'), /^403 .*host_not_allowed/);
    assert.match(await ask('localhost'), /^200/);
  });

  test('what is not a host name is refused at once', () => {
    for (const host of ['https://chat.example', 'chat.example:80', '*.example', '', 'a b']) {
      assert.throws(() => testApi(echo, { allowedHosts: [host] }), /allowedHosts/, host);
    }
  });
});

describe('CORS', () => {
  test('an origin that could match nothing is refused at once', () => {
    for (const origin of [
      'https://*.example',
      'app.example',
      'https://app.example/',
      'https://a/b',
    ]) {
      assert.throws(() => testApi(echo, { corsOrigins: [origin] }), TypeError, origin);
    }
  });

  test('pages of extensions and mobile apps have origins, too', async () => {
    for (const origin of ['chrome-extension://abcdef', 'capacitor://localhost']) {
      await using api = testApi(echo, { corsOrigins: [origin] });
      assert.equal(await status(api, { origin, 'sec-fetch-site': 'cross-site' }), 200, origin);
      assert.equal(await status(api, { origin: 'chrome-extension://other' }), 403);
    }
  });

  test('a page reads all that answers say by headers', async () => {
    const options = { apiKeys: ['key'], corsOrigins: ['https://app.example'] };
    await using api = testApi(echo, options);
    const headers = { origin: 'https://app.example', authorization: 'Bearer key' };
    const uploaded = await api.send('POST', '/api/v1/files?contact_id=anna', {
      headers,
      body: 'x',
    });
    const file = uploaded.headers.get('location') ?? '';
    const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} };
    const task = 'urn:jims:a2a:answers-in-status:v1';
    const answers = [
      uploaded,
      await api.get(file, { ...headers, range: 'bytes=0-0' }),
      await api.get('/api/v1/threads', { origin: headers.origin }),
      await api.post(CHAT, HELLO, { ...headers, 'idempotency-key': 'k' }),
      await api.post(CHAT, HELLO, { ...headers, 'idempotency-key': 'k' }),
      await api.post('/v1/messages/count_tokens', { messages: [] }, headers),
      await api.post('/mcp', initialize, headers),
      await api.post('/a2a', {}, { ...headers, 'a2a-extensions': task, 'a2a-version': '1.0' }),
    ];
    // What a browser reads by itself, or lets pages read anyway.
    const known =
      /^(?:access-control-.*|cache-control|content-(?:length|security-policy|type)|vary|x-(?:accel-buffering|content-type-options))$/;
    for (const answer of answers) {
      await answer.body?.cancel();
      const exposed = answer.headers.get('access-control-expose-headers')?.split(', ') ?? [];
      const hidden = [...answer.headers.keys()].filter(
        (name) => !known.test(name) && !exposed.includes(name),
      );
      assert.deepEqual(hidden, []);
    }
  });

  test('a page is let from a public page to a private address', async () => {
    await using api = testApi(echo, { corsOrigins: ['https://app.example'] });
    const origin = 'https://app.example';
    const preflight = (from: string): Promise<Response> =>
      api.send('OPTIONS', CHAT, {
        headers: {
          origin: from,
          'access-control-request-method': 'POST',
          'access-control-request-private-network': 'true',
        },
      });
    const allowed = await preflight(origin);
    assert.match(allowed.headers.get('x-request-id') ?? '', /^[\w-]+$/);
    assert.equal(allowed.headers.get('access-control-allow-private-network'), 'true');
    const refused = await preflight('https://evil.example');
    assert.equal(refused.headers.get('access-control-allow-private-network'), null);
  });
});
