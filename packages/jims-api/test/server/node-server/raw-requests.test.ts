// What a service answers to bytes that `fetch` does not send, on its port and on that for metrics.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { describe, test } from 'node:test';

import { defineApp } from 'jims-core';

import { serve } from '../../../src/index.ts';
import type { ServeOptions, Service } from '../../../src/index.ts';
import { recorder } from '../../support/recorder.ts';

function service(options: ServeOptions = {}): Promise<Service> {
  const app = defineApp({
    store: 'sqlite::memory:',
    pipeline: async function greeter(ctx) {
      if (ctx.lastUserMessage === 'boom') throw new Error('kaboom');
      ctx.sendMessage('Hello');
    },
  });
  const { logger } = recorder();
  const address = { host: '127.0.0.1', port: 0, metricsPort: 0 };
  return serve(app, { ...address, signals: false, logger, ...options });
}

/** Sends bytes as they are, and gives the answer's when the connection is closed. */
function rawAnswer(port: number | undefined, bytes: string): Promise<string> {
  const socket = connect(port ?? 0, '127.0.0.1');
  socket.write(bytes);
  return textOf(socket);
}

describe('the port of the API', () => {
  test('ignores a second token, and a second Authorization header', async () => {
    await using keyed = await service({ apiKeys: ['key'] });
    const twice = 'Authorization: Bearer key\r\n'.repeat(2);
    const get = `GET /openapi.json HTTP/1.1\r\nHost: x\r\n${twice}Connection: close\r\n\r\n`;
    assert.match(await rawAnswer(keyed.port, get), /^HTTP\/1\.1 401 /);
  });

  test('answers a health check of HTTP/1.0, which names no host', async () => {
    await using open = await service();
    const answer = await rawAnswer(open.port, 'GET /readyz HTTP/1.0\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\{"status":"ready"\}/);
    const expecting =
      'GET /readyz HTTP/1.1\r\nHost: x\r\nExpect: more\r\nConnection: close\r\n\r\n';
    assert.match(await rawAnswer(open.port, expecting), /^HTTP\/1\.1 200 OK\r\n/);
  });

  test('answers what it cannot read as other errors, with an id that is in the log', async () => {
    const { logger, lines } = recorder();
    await using open = await service({ logger, requestTimeoutMs: 1000 });
    const head = 'POST /api/v1/chat HTTP/1.1\r\nHost: x\r\n';
    const unread = [
      [400, 'this is not HTTP\r\n\r\n'],
      [400, 'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
      [400, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
      [408, `${head}Content-Length: 10\r\n\r\nabc`],
      [431, `${head}${'X-Padding: 0123456789\r\n'.repeat(3000)}\r\n`],
    ] as const;
    const answers = await Promise.all(unread.map(([, bytes]) => rawAnswer(open.port, bytes)));
    for (const [index, answer] of answers.entries()) {
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${unread[index]?.[0]} `));
      assert.match(answer, /\{"detail":"[^"]+","code":"\w+"\}$/);
      const [, id = '?'] = /x-request-id: (\S+)/.exec(answer) ?? [];
      const line = lines.find(({ fields }) => JSON.stringify(fields).includes(id));
      assert.match(line?.message ?? '', /could not be read/);
    }
  });
});

describe('the port for metrics', () => {
  test('counts runs, on every path and without a key', async () => {
    await using keyed = await service({ apiKeys: ['key'] });
    for (const message of ['Hi', 'boom']) {
      await fetch(`${keyed.url}/api/v1/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
        body: JSON.stringify({ contact_id: 'c', message }),
      });
    }
    const metrics = `http://127.0.0.1:${keyed.metricsPort}`;
    const response = await fetch(`${metrics}/metrics`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=/);
    const text = await response.text();
    assert.match(text, /^# TYPE jims_pipeline_runs_total counter$/m);
    assert.match(text, /^jims_pipeline_runs_total\{pipeline="greeter",status="success"\} 1$/m);
    assert.match(text, /^jims_pipeline_runs_total\{pipeline="greeter",status="failure"\} 1$/m);
    assert.match(text, /^jims_refusals_total\{code="overloaded"\} 0$/m);
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
    assert.match(text, /^jims_pipeline_run_duration_seconds_bucket\{le="1\.0",/m);
    assert.equal((await fetch(metrics)).status, 200);
    const posted = await fetch(`${metrics}/metrics`, { method: 'POST' });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.get('allow'), 'GET, HEAD');
    const head = await fetch(`${metrics}/metrics`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), '');
  });

  test('on a loopback address answers to no name that a page can lead here', async () => {
    await using open = await service({ allowedHosts: ['metrics.example'] });
    const statusFor = async (host: string): Promise<string | undefined> => {
      const get = `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      return (await rawAnswer(open.metricsPort, get)).split('\r\n')[0];
    };
    for (const host of ['localhost:8000', '127.0.0.1', '[::1]', 'metrics.example']) {
      assert.equal(await statusFor(host), 'HTTP/1.1 200 OK', host);
    }
    for (const host of ['evil.example', 'evil.example.:8000', 'localhost.evil.example']) {
      assert.equal(await statusFor(host), 'HTTP/1.1 403 Forbidden', host);
    }
  });
});
