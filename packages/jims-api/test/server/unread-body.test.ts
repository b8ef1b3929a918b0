// Requests that are answered before their body was read, on real sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { serveApp } from '../support/listening-app.ts';

const MIB = 2 ** 20;

interface Sending {
  /** All that came back until the server closed its side. */
  readonly answer: string;
  readonly closed: boolean;
  /** What the server took of the body. */
  readonly taken: number;
}

/** Sends a body of a length, as fast as the server takes it, for at most so long. */
async function sendBody(
  {
    origin,
    key = 'wrong',
    length,
    sent = length,
  }: {
    readonly origin: string;
    readonly key?: string;
    readonly length: number;
    readonly sent?: number;
  },
  ms: number,
): Promise<Sending> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  let closed = false;
  socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  socket.once('end', () => (closed = true)).once('close', () => (closed = true));
  await once(socket, 'connect');
  const head = `POST /api/v1/chat HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  socket.write(head);
  socket.write('x'.repeat(sent));
  await sleep(ms);
  const taken = socket.bytesWritten - socket.writableLength;
  socket.destroy();
  return { answer, closed, taken };
}

test('a long body is not read after a 401 or a 413, and the connection is closed', async () => {
  await using served = await serveApp(() => {}, { apiKeys: ['right'] });
  let read = 0;
  served.server.on('connection', (socket) => {
    socket.once('close', () => (read = socket.bytesRead));
  });
  for (const [key, status] of [
    ['wrong', 401],
    ['right', 413],
  ] as const) {
    const { answer, closed } = await sendBody(
      { origin: served.origin, key, length: 64 * MIB },
      2000,
    );
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.ok(closed);
    assert.ok(read < MIB, `${status}: ${read} bytes were read`);
  }
});

test('a body that never comes does not hold its connection', async () => {
  await using served = await serveApp(() => {}, { apiKeys: ['right'] });
  const { answer, closed } = await sendBody(
    { origin: served.origin, length: 4_000_000, sent: 10 },
    2000,
  );
  assert.match(answer, /^HTTP\/1.1 401 /);
  assert.ok(closed);
});

test('after a short body the connection goes on', async () => {
  await using served = await serveApp(() => {}, { apiKeys: ['right'] });
  const socket = connect(Number(new URL(served.origin).port), '127.0.0.1');
  let answers = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (answers += chunk));
  const head = 'POST /api/v1/chat HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n';
  for (const count of [1, 2, 3]) {
    socket.write(head + 'x'.repeat(100_000));
    while (answers.split('HTTP/1.1 401 ').length <= count) await once(socket, 'data');
  }
  assert.ok(!socket.readableEnded);
  socket.destroy();
});

test('a client that sends all before it reads gets its answer', async () => {
  await using served = await serveApp(() => {}, { apiKeys: ['right'] });
  for (const megabytes of [1, 5, 20]) {
    const response = await fetch(`${served.origin}/api/v1/chat`, {
      method: 'POST',
      headers: { authorization: 'Bearer right', 'content-type': 'application/json' },
      body: 'x'.repeat(megabytes * MIB),
    });
    assert.equal(response.status, megabytes === 1 ? 422 : 413);
    await response.text();
  }
});
