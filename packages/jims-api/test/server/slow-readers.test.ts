// Clients that open a stream and do not read it, on real sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Pipeline, Run } from 'jims-core';
import { newEvent } from 'jims-core';

import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';

const MIB = 2 ** 20;
/** More than the network takes for a reader that stands still. */
const TEXT = 10 * MIB;
const READERS = 8;
/** What a process may keep for one that stands still, whatever there is to read. */
const MOST_WAITING = 256 * 1024;
const PIECE = 'x'.repeat(4096);

/** Streams a long text; the answer to `wait` says that it has begun and never ends. */
const talker: Pipeline = async (ctx) => {
  if (ctx.lastUserMessage === 'wait') {
    ctx.updateAgentStatus('waiting');
    await once(ctx.signal, 'abort');
  }
  await ctx.sendMessage(pieces());
};

async function* pieces(): AsyncGenerator<string> {
  for (let sent = 0; sent < TEXT; sent += PIECE.length) yield PIECE;
}

/** Sends a request, and reads nothing of its answer. */
async function ask(served: ServedApp, head: string, body = ''): Promise<Socket> {
  const { port } = new URL(served.origin);
  const socket = connect(Number(port), '127.0.0.1').pause();
  socket.on('error', () => {});
  await once(socket, 'connect');
  const length = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.write(`${head} HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n${body}`);
  return socket;
}

async function finishedRun({ app }: ServedApp): Promise<Run> {
  const run = await app.runs.start({
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: newEvent('comm.user_message', { role: 'user', content: 'talk' }),
  });
  assert.equal((await run.end).type, 'result');
  return run;
}

/** The sockets of clients that connect from now on, as the server has them. */
function connectionsOf({ server }: ServedApp): readonly Socket[] {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  return sockets;
}

/** Waits until nothing moves any more, and gives what waits for each of them. */
async function standing(sockets: readonly Socket[]): Promise<readonly number[]> {
  let before = -1;
  for (;;) {
    await sleep(100);
    const taken = sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    if (taken === before) return sockets.map(({ writableLength }) => writableLength);
    before = taken;
  }
}

async function metric({ app }: ServedApp, name: string): Promise<number> {
  const registry = await app.metrics.registry();
  const text = await registry.getSingleMetricAsString(name);
  return Number(/^\w+ (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}

const PROTOCOLS = {
  'a run': (run: Run) => `GET /api/v1/runs/${run.id}/stream`,
  'the end of a run': (run: Run) => `GET /api/v1/runs/${run.id}/stream?include=`,
  'a response': (run: Run) => `GET /v1/responses/resp_${run.id.replaceAll('-', '')}?stream=true`,
};

for (const [name, head] of Object.entries(PROTOCOLS)) {
  test(`however long ${name} is, little waits for a reader that stands still`, async () => {
    await using served = await serveApp(talker);
    const run = await finishedRun(served);
    const sockets = connectionsOf(served);
    const readers = await Promise.all(
      Array.from({ length: READERS }, () => ask(served, head(run))),
    );
    const waiting = await standing(sockets);
    for (const reader of readers) reader.destroy();
    assert.equal(waiting.length, READERS);
    assert.ok(Math.min(...waiting) > 0, 'a reader got everything: nothing was shown');
    assert.ok(Math.max(...waiting) < MOST_WAITING, `${Math.max(...waiting)} bytes wait`);
  });
}

test('a reader that stands still is cut off, one that waits is not', async () => {
  await using served = await serveApp(talker, { readerTimeoutMs: 500 });
  const run = await finishedRun(served);
  const waiting = await ask(
    served,
    'POST /api/v1/chat/stream',
    JSON.stringify({ contact_id: 'w', message: 'wait' }),
  );
  waiting.resume();
  const stream = await ask(served, `GET /api/v1/runs/${run.id}/stream`);
  const answer = await ask(served, `GET /api/v1/runs/${run.id}`);
  while ((await metric(served, 'jims_readers_cut_total')) < 2) await sleep(50);
  assert.equal(await metric(served, 'jims_streams_open'), 1);
  for (const socket of [stream, answer]) {
    let last = '';
    socket.on('data', (chunk) => (last = String(chunk))).resume();
    await new Promise((resolve) => socket.once('close', resolve));
    assert.ok(socket.errored, 'the connection was closed as if all were sent');
    assert.ok(!last.endsWith('\r\n0\r\n\r\n'), 'what was cut off looks whole');
  }
  assert.ok(!waiting.closed);
  waiting.destroy();
});

test('a HEAD request for a stream does not count as a stream', async () => {
  await using served = await serveApp(talker);
  const run = await finishedRun(served);
  const url = `${served.origin}/api/v1/runs/${run.id}/stream`;
  const response = await fetch(url, { method: 'HEAD' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(await metric(served, 'jims_streams_open'), 0);
});
