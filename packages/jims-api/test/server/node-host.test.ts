// What Node's own server knows of a request beside the web standard, by real sockets.
import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { test } from 'node:test';

import { getRequestListener } from '@hono/node-server';
import { defineApp } from 'jims-core';

import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { createApi } from '../../src/index.ts';
import { serveApp } from '../support/listening-app.ts';

const HELLO = { contact_id: 'c', message: 'hi' };

interface Sent {
  readonly path?: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: object;
}

/** Sends headers as they are given, also twice. */
async function send(
  origin: string,
  { path = '/api/v1/chat', headers, body = HELLO }: Sent,
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const bytes = Buffer.from(JSON.stringify(body));
  const all = [...headers, ['content-length', String(bytes.length)], ['host', 'localhost']];
  httpRequest(origin + path, { method: 'POST', headers: all.flat() }, resolve)
    .on('error', reject)
    .end(bytes);
  const response = await promise;
  return { status: response.statusCode, body: await text(response) };
}

test('a header that is sent twice with one value counts once, but authorization', async () => {
  await using open = await serveApp((ctx) => ctx.sendMessage('ok'));
  const type = ['content-type', 'application/json'] as const;
  const twice = await send(open.origin, { headers: [type, type] });
  assert.equal(twice.status, 200, twice.body);
  for (const other of ['Application/JSON', 'application/json; charset=utf-8']) {
    const both = await send(open.origin, { headers: [type, ['content-type', other]] });
    assert.equal(both.status, 200, both.body);
  }
  const contact = ['x-jims-contact-id', 'anna'] as const;
  const named = await send(open.origin, {
    path: '/v1/chat/completions',
    headers: [type, contact, contact],
    body: { messages: [{ role: 'user', content: 'hi' }] },
  });
  assert.equal(named.status, 200, named.body);
  assert.ok(await open.app.threads.latest('anna'));
  const other = await send(open.origin, { headers: [type, ['content-type', 'text/plain']] });
  assert.equal(other.status, 422);

  await using closed = await serveApp(() => {}, { apiKeys: ['k'] });
  const key = ['authorization', 'Bearer k'] as const;
  assert.equal((await send(closed.origin, { headers: [type, key] })).status, 200);
  assert.equal((await send(closed.origin, { headers: [type, key, key] })).status, 401);
});

/** A server of somebody's own whose middleware reads bodies first, as `express.json()` does. */
async function serveBehind(
  read: (incoming: IncomingMessage) => Promise<unknown>,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const app = defineApp({ pipeline: (ctx) => ctx.sendMessage('ok'), store: 'sqlite::memory:' });
  const listener = getRequestListener(createApi(app).fetch);
  const server: Server = createServer((incoming, outgoing) => {
    void read(incoming)
      .then((body) => listener(Object.assign(incoming, { body }), outgoing))
      .catch(() => outgoing.destroy());
  });
  const port = await localPort(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await app.close();
    },
  };
}

const JSON_TYPE = [['content-type', 'application/json']] as const;

test('a body that a middleware has read is taken from there', async () => {
  await using served = await serveBehind(json);
  const answer = await send(served.origin, { headers: JSON_TYPE });
  assert.equal(answer.status, 200, answer.body);
  const wrong = await send(served.origin, { headers: JSON_TYPE, body: { contact_id: 'c' } });
  assert.match(wrong.body, /"loc":\["body","message"\]/);
  const nul = await send(served.origin, { headers: JSON_TYPE, body: { ...HELLO, message: '\0' } });
  assert.match(nul.body, /json_invalid/);
});

test('one that was read and is gone is an error that says what to do', async () => {
  await using served = await serveBehind(async (incoming) => void (await text(incoming)));
  const answer = await send(served.origin, { headers: JSON_TYPE });
  assert.equal(answer.status, 500);
  assert.match(answer.body, /mount the API before .*express\.json.*body_read_already/);
});

test('a middleware that has read nothing changes nothing', async () => {
  await using served = await serveBehind(async () => ({}));
  assert.equal((await send(served.origin, { headers: JSON_TYPE })).status, 200);
});
