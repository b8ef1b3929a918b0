// Refusals in the metrics: each by its code, once, whatever the protocol.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';

import type { Metrics } from 'jims-core';

import { HttpError } from '../../src/http/errors.ts';
import { testApi } from '../support/api.ts';
import { serveApp } from '../support/listening-app.ts';
import { WAYS, saying } from '../support/protocol-ways.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const KEY = { ...JSON_TYPE, authorization: 'Bearer s3cret' };

for (const [protocol, { streams, answers }] of Object.entries(WAYS)) {
  test(`${protocol}: refusals are counted by their codes`, async () => {
    await using api = testApi((ctx) => ctx.sendMessage('hi'), {
      apiKeys: ['s3cret'],
      maxBodyBytes: 2000,
      maxMessageBytes: 100,
    });
    const [way] = Object.values({ ...answers, ...streams });
    assert.ok(way);
    const { path, body, accept = '*/*' } = way;
    const send = async (headers: object, sent: object): Promise<void> => {
      await (await api.post(path, sent, { accept, ...headers })).text();
    };
    const counts = new Counts(api.app.metrics);
    const message = body(saying('hi'));
    await send({}, message);
    assert.deepEqual(await counts.news(), { unauthorized: 1 });
    await send({ ...KEY, origin: 'https://evil.example' }, message);
    assert.deepEqual(await counts.news(), { origin_not_allowed: 1 });
    await send(KEY, body(saying('x'.repeat(101))));
    assert.deepEqual(await counts.news(), { message_too_large: 1 });
    await send(KEY, body(saying('x'.repeat(3000))));
    assert.deepEqual(await counts.news(), { body_too_large: 1 });
    await send({ ...KEY, 'idempotency-key': 'no key' }, message);
    assert.deepEqual(await counts.news(), { idempotency_key_invalid: 1 });
    await send(KEY, message);
    assert.deepEqual(await counts.news(), {});
  });
}

test('what is not valid counts, and what is not found does not', async () => {
  await using api = testApi((ctx) => ctx.sendMessage('hi'));
  const counts = new Counts(api.app.metrics);
  await api.post('/api/v1/chat', {});
  await api.post('/api/v1/chat', '{');
  await api.get('/api/v1/nothing');
  await api.get('/api/v1/threads/00000000-0000-7000-8000-000000000000');
  await api.send('PUT', '/api/v1/chat');
  assert.deepEqual(await counts.news(), { request_invalid: 2 });
});

test('codes of the app’s own do not make labels', async () => {
  let status = 403;
  await using api = testApi((ctx) => ctx.sendMessage('hi'), {
    authenticate() {
      throw new HttpError(status, 'No', { code: `own_${crypto.randomUUID()}` });
    },
  });
  const counts = new Counts(api.app.metrics);
  await api.get('/api/v1/threads');
  status = 402;
  await api.get('/api/v1/threads');
  assert.deepEqual(await counts.news(), { forbidden: 1, other: 1 });
});

test('what is not HTTP, or has no valid address, counts, too', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage('hi'));
  const counts = new Counts(served.app.metrics);
  const requests = [
    ['unreadable', 'NOT HTTP'],
    ['address_invalid', 'GET / HTTP/1.1\r\nHost: ['],
    ['address_invalid', 'GET /healthz HTTP/1.1\r\nHost: 999.1.1.1'],
    ['address_invalid', 'GET /v1/models HTTP/1.1\r\nHost: a.1'],
  ] as const;
  for (const [code, request] of requests) {
    const socket = connect(Number(new URL(served.origin).port), '127.0.0.1');
    socket.end(`${request}\r\n\r\n`);
    const answer = (await Array.fromAsync(socket)).join('');
    assert.ok(answer.includes(`"code":"${code}"`), answer);
    assert.deepEqual(await counts.news(), { [code]: 1 });
  }
});

/** What has been counted since the last look. */
class Counts {
  readonly #metrics: Metrics;
  #before = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  async news(): Promise<Record<string, number>> {
    const text = await (await this.#metrics.registry()).metrics();
    const rows = text.matchAll(/^jims_refusals_total\{code="(\w+)"\} (\d+)$/gm);
    const now = new Map([...rows].map(([, code = '', count]) => [code, Number(count)]));
    const news = [...now].map(([code, count]) => [code, count - (this.#before.get(code) ?? 0)]);
    this.#before = now;
    return Object.fromEntries(news.filter(([, count]) => count !== 0));
  }
}
