import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type Socket, connect } from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import { getRequestListener } from '@hono/node-server';

import { localPort } from '../../../../jims-core/test/support/local-port.ts';
import { type SseFrame, frameText } from '../../../src/http/sse/frame.ts';
import {
  DEFAULT_HEARTBEAT_MS,
  type SseEnd,
  type SseResponder,
  sseResponse,
} from '../../../src/http/sse/response.ts';
import { createSocketStreams } from '../../../src/http/sse/socket.ts';

const BIG = { data: 'x'.repeat(16 * 1024) };

/** Frames that end when their reader does, and remember how far they were read. */
class EndlessFrames implements AsyncIterable<SseFrame> {
  taken = 0;
  readonly returned = Promise.withResolvers<void>();

  async *[Symbol.asyncIterator](): AsyncGenerator<SseFrame> {
    try {
      for (;;) {
        this.taken += 1;
        yield BIG;
      }
    } finally {
      this.returned.resolve();
    }
  }
}

async function* list(...frames: SseFrame[]): AsyncGenerator<SseFrame> {
  yield* frames;
}

/** A server that answers everything with one stream, made by what `respond` is on it. */
async function serveOnce(
  way: Way,
  answer: (respond: SseResponder) => Response,
  heartbeatMs = 15_000,
) {
  const server = WAYS[way](answer, heartbeatMs);
  const port = await localPort(server);
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Way = keyof typeof WAYS;
const WAYS = {
  'as a web response': (answer: (respond: SseResponder) => Response): Server => {
    const listener = getRequestListener(async () => answer(sseResponse));
    return createServer((request, response) => void listener(request, response));
  },
  'on a socket': (answer: (respond: SseResponder) => Response, heartbeatMs: number): Server => {
    const streams = createSocketStreams({
      heartbeatMs,
      readerTimeoutMs: 60_000,
      cut: () => assert.fail('a reader was cut off'),
    });
    return createServer((_, response) => {
      assert.ok(streams.send(answer(streams.respond), response));
    });
  },
};
const ALL_WAYS = Object.keys(WAYS) as Way[];

function requestRaw(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return socket;
}

test('a frame is its id, its event name and its data, in this order', () => {
  assert.equal(frameText({ event: 'status', data: '{}' }), 'event: status\ndata: {}\n\n');
  assert.equal(frameText({ id: 7, event: 'x', data: '1' }), 'id: 7\nevent: x\ndata: 1\n\n');
  assert.equal(frameText({ data: '[DONE]' }), 'data: [DONE]\n\n');
});

test('no payload can forge a frame', () => {
  assert.equal(
    frameText({ event: 'a', data: '1\n\nevent: b\r\rdata: 2\r\nid: 3' }),
    'event: a\ndata: 1\ndata: \ndata: event: b\ndata: \ndata: data: 2\ndata: id: 3\n\n',
  );
  for (const name of ['', 'a\nb', 'a b', 'a:b', 'é', 'x'.repeat(65)]) {
    assert.throws(() => frameText({ event: name, data: '' }), TypeError, JSON.stringify(name));
    assert.throws(() => frameText({ id: name, data: '' }), TypeError, JSON.stringify(name));
  }
});

for (const way of ALL_WAYS) {
  test(`${way}, a stream arrives whole, with headers that keep proxies from holding it back`, async () => {
    const ends: SseEnd[] = [];
    await using server = await serveOnce(way, (respond) =>
      respond(list({ event: 'status', data: '{"a": 1}' }, { event: 'result', data: '{}' }), {
        headers: { 'x-request-id': 'r1' },
        onClose: (end) => ends.push(end),
      }),
    );
    const response = await fetch(server.url);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-cache, no-store, no-transform');
    assert.equal(response.headers.get('x-accel-buffering'), 'no');
    assert.equal(response.headers.get('x-request-id'), 'r1');
    assert.equal(
      await response.text(),
      'event: status\ndata: {"a": 1}\n\nevent: result\ndata: {}\n\n',
    );
    assert.deepEqual(ends, [{ kind: 'completed' }]);
  });

  test(`${way}, headers and frames reach the client while the stream goes on`, async () => {
    const gate = Promise.withResolvers<void>();
    async function* frames(): AsyncGenerator<SseFrame> {
      yield { data: 'first' };
      await gate.promise;
      yield { data: 'last' };
    }
    await using server = await serveOnce(way, (respond) => respond(frames(), {}));
    const { body } = await fetch(server.url);
    assert.ok(body);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, 'data: first\n\n');
    gate.resolve();
    assert.equal((await reader.read()).value, 'data: last\n\n');
    assert.equal((await reader.read()).done, true);
  });

  test(`${way}, a silent stream sends comments, a busy one none`, async () => {
    const gate = Promise.withResolvers<void>();
    async function* frames(): AsyncGenerator<SseFrame> {
      await gate.promise;
      for (let i = 0; i < 5; i += 1) yield { data: String(i) };
    }
    await using server = await serveOnce(
      way,
      (respond) => respond(frames(), { heartbeatMs: 5 }),
      5,
    );
    const { body } = await fetch(server.url);
    assert.ok(body);
    let text = '';
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.startsWith(': hb\n\n: hb\n\n')) gate.resolve();
    }
    assert.match(text, /^(: hb\n\n){2,}data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n$/);
  });

  test(`${way}, a client that does not read stops the frames, and the others go on`, async () => {
    const frames = new EndlessFrames();
    await using server = await serveOnce(way, (respond) => respond(frames, {}));
    const socket = requestRaw(server.port);
    socket.pause();
    let before = -1;
    while (before !== frames.taken || before === 0) {
      before = frames.taken;
      await delay(50);
    }
    assert.ok(before > 4, 'the stream did not begin');
    socket.destroy();
    await frames.returned.promise;
  });

  test(`${way}, a client that leaves ends the frames, and onClose is called first`, async () => {
    const order: string[] = [];
    const left = Promise.withResolvers<void>();
    const leaving = new AbortController();
    async function* frames(): AsyncGenerator<SseFrame> {
      try {
        yield { data: 'first' };
        await left.promise;
        yield { data: 'to nobody' };
      } finally {
        order.push('returned');
        done.resolve();
      }
    }
    const done = Promise.withResolvers<void>();
    await using server = await serveOnce(way, (respond) =>
      respond(frames(), {
        onClose: (end) => {
          order.push(end.kind);
          left.resolve();
        },
      }),
    );
    const { body } = await fetch(server.url, { signal: leaving.signal });
    assert.ok(body);
    await body.getReader().read();
    leaving.abort();
    await done.promise;
    assert.deepEqual(order, ['client_gone', 'returned']);
  });

  test(`${way}, an error of the frames breaks the connection, and its text stays here`, async (t) => {
    const printed = t.mock.method(console, 'error', () => {});
    const failure = new Error('secret text');
    const ends: SseEnd[] = [];
    async function* frames(): AsyncGenerator<SseFrame> {
      yield { data: 'first' };
      await delay(5);
      throw failure;
    }
    await using server = await serveOnce(way, (respond) =>
      respond(frames(), { onClose: (end) => ends.push(end) }),
    );
    const socket = requestRaw(server.port);
    let received = '';
    socket.on('data', (chunk) => (received += chunk));
    await once(socket, 'close');
    assert.match(
      received,
      /data: first\n\n\r\n$/,
      'the last chunk of a complete answer is missing',
    );
    assert.deepEqual(ends, [{ kind: 'broken', error: failure }]);
    assert.ok(
      !JSON.stringify(printed.mock.calls.map((call) => String(call.arguments))).includes('secret'),
    );
  });
}

test('a client of HTTP/1.0 gets the frames without chunks', async () => {
  await using server = await serveOnce('on a socket', (respond) =>
    respond(list({ data: '1' }, { data: '2' }), {}),
  );
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  let received = '';
  socket.on('data', (chunk) => (received += chunk));
  await once(socket, 'close');
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(received, /\r\n\r\ndata: 1\n\ndata: 2\n\n$/);
});

test('a reader that takes nothing gets one comment at most', async () => {
  const { body } = sseResponse(silence(), { heartbeatMs: 1 });
  assert.ok(body);
  await delay(20);
  const reader = body.getReader();
  assert.equal(String(Buffer.from((await reader.read()).value ?? [])), ': hb\n\n');
  const second = reader.read();
  await reader.cancel();
  assert.ok((await second).done, 'a second comment was waiting');
});

test('frames are taken only while there is room for them', async () => {
  const frames = new EndlessFrames();
  const { body } = sseResponse(frames);
  assert.ok(body);
  for (let i = 0; i < 100; i += 1) await nextTurn();
  assert.equal(frames.taken, 4, '64 KiB are four frames of 16 KiB');
  const reader = body.getReader();
  await reader.read();
  for (let i = 0; i < 100; i += 1) await nextTurn();
  assert.equal(frames.taken, 5);
  await reader.cancel();
});

test('a frame that cannot be written breaks the stream and returns the iterator', async () => {
  let returned = false;
  async function* frames(): AsyncGenerator<SseFrame> {
    try {
      yield { event: 'no name', data: '' };
    } finally {
      returned = true;
    }
  }
  await assert.rejects(sseResponse(frames()).text(), /broke off/);
  assert.ok(returned);
});

test('an aborted signal breaks the stream off', async () => {
  const stop = new AbortController();
  const ends: SseEnd[] = [];
  const { body } = sseResponse(silence(), {
    signal: stop.signal,
    onClose: (end) => ends.push(end),
  });
  const reading = body?.getReader().read();
  stop.abort('shutdown');
  await assert.rejects(async () => reading, /broke off/);
  assert.deepEqual(ends, [{ kind: 'broken', error: 'shutdown' }]);

  const late = sseResponse(list({ data: '1' }), { signal: stop.signal });
  await assert.rejects(late.text(), /broke off/);
});

async function* silence(): AsyncGenerator<SseFrame> {
  await new Promise(() => {});
  yield { data: 'never' };
}

test('a silent stream says that it lives before servers that wait for 10 seconds cut it', () => {
  assert.ok(DEFAULT_HEARTBEAT_MS < 9000, `${DEFAULT_HEARTBEAT_MS} ms`);
});
