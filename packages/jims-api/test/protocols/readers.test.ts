// Where closing the connection means stop: what becomes of a run when some or all of its readers leave.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { describe, test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { freshDatabase } from '../../../jims-core/test/support/postgres.ts';
import { testApiOn } from '../support/api.ts';
import { createGate } from '../support/gate.ts';
import type { Gate } from '../support/gate.ts';
import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';

const HEADERS = { 'content-type': 'application/json', 'idempotency-key': 'k' };

interface Way {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  readonly accept?: string;
}

const NATIVE = { contact_id: 'c', message: 'hi', on_disconnect: 'cancel' };
const OPENAI = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const RESPONSE = { model: 'm', input: 'hi' };
const TOOL = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'chat', arguments: { message: 'hi' } },
};
const WAYS: readonly Way[] = [
  { name: 'JIMS', path: '/api/v1/chat', body: NATIVE },
  { name: 'JIMS stream', path: '/api/v1/chat/stream', body: { ...NATIVE, include: ['delta'] } },
  { name: 'OpenAI chat', path: '/v1/chat/completions', body: OPENAI },
  { name: 'OpenAI chat stream', path: '/v1/chat/completions', body: { ...OPENAI, stream: true } },
  { name: 'Responses', path: '/v1/responses', body: RESPONSE },
  { name: 'Responses stream', path: '/v1/responses', body: { ...RESPONSE, stream: true } },
  {
    name: 'AI SDK',
    path: '/ai-sdk/chat',
    body: {
      id: 'chat',
      on_disconnect: 'cancel',
      messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    },
  },
  {
    name: 'AG-UI',
    path: '/ag-ui',
    body: {
      threadId: 't',
      runId: 'r',
      messages: [{ id: 'u', role: 'user', content: 'hi' }],
      state: {},
      tools: [],
      context: [],
      forwardedProps: {},
    },
  },
  { name: 'Deep Chat', path: '/deep-chat', body: { messages: [{ text: 'hi' }] } },
  { name: 'Deep Chat stream', path: '/deep-chat/stream', body: { messages: [{ text: 'hi' }] } },
  { name: 'MCP', path: '/mcp', body: TOOL, accept: 'application/json' },
  { name: 'MCP stream', path: '/mcp', body: TOOL, accept: 'text/event-stream' },
];

for (const way of WAYS) {
  describe(way.name, () => {
    test('the same key runs again when the only reader’s connection was lost', async () => {
      const pipeline = gatedPipeline();
      await using served = await serveApp(pipeline.run);
      await leaveOnce(served, way, pipeline);
      await eventually(() => pipeline.stops === 1);
      pipeline.gate.open();
      // As soon as the first one is gone: it may be on its way to its end.
      const again = await send(served, way);
      assert.equal(again.status, 200);
      assert.match(await again.text(), /the answer/);
      assert.equal(pipeline.starts, 2);
    });

    test('a reader that leaves does not stop the run for another one', async () => {
      const pipeline = gatedPipeline();
      await using served = await serveApp(pipeline.run);
      const accepted = countAccepted(served);
      const first = open(served, way);
      await eventually(() => pipeline.starts === 1);
      const second = send(served, way);
      await eventually(() => accepted() === 2);
      first.leave();
      await eventually(async () => (await connections(served)) === 1);
      pipeline.gate.open();
      assert.match(await (await second).text(), /the answer/);
      assert.deepEqual([pipeline.starts, pipeline.stops], [1, 0]);
    });

    test('an explicit stop stays a stop', async () => {
      const pipeline = gatedPipeline();
      await using served = await serveApp(pipeline.run);
      const first = send(served, way);
      await eventually(() => pipeline.starts === 1);
      await served.app.runs.cancel(pipeline.runId);
      await (await first).text();
      pipeline.gate.open();
      const again = await (await send(served, way)).text();
      assert.doesNotMatch(again, /the answer/);
      assert.equal(pipeline.starts, 1);
    });
  });
}

test('a run stops when its last reader leaves, even one that joined it', async () => {
  const pipeline = gatedPipeline();
  await using served = await serveApp(pipeline.run);
  const way = WAYS.find(({ name }) => name === 'OpenAI chat stream') ?? assert.fail();
  const first = open(served, way);
  await eventually(() => pipeline.starts === 1);
  const path = `/api/v1/runs/${pipeline.runId}/stream`;
  const second = open(served, { ...way, method: 'GET', path });
  await second.answered;
  first.leave();
  await eventually(async () => (await connections(served)) === 1);
  assert.equal(pipeline.stops, 0);
  second.leave();
  await eventually(() => pipeline.stops === 1);
  await eventually(
    async () => (await served.app.runs.record(pipeline.runId))?.error?.code === 'disconnected',
  );
});

test('the key runs again in another process, whose reader is request to send again', async () => {
  await using database = await freshDatabase();
  const pipeline = gatedPipeline();
  await using here = testApiOn(database.url, pipeline.run);
  await using there = testApiOn(database.url, pipeline.run);
  const key = { 'idempotency-key': 'k' };
  const first = await here.post('/v1/chat/completions', { ...OPENAI, stream: true }, key);
  const second = there.post('/v1/chat/completions', { ...OPENAI, stream: true }, key);
  const reading = await second;
  await eventually(() => pipeline.starts === 1);
  await first.body?.cancel();
  assert.match(await reading.text(), /"code":"disconnected"/);
  pipeline.gate.open();
  const again = await there.post('/v1/chat/completions', { ...OPENAI, stream: true }, key);
  assert.match(await again.text(), /the answer/);
  assert.equal(pipeline.starts, 2);
});

interface GatedPipeline {
  readonly run: (ctx: ThreadContext) => Promise<void>;
  readonly gate: Gate;
  readonly starts: number;
  readonly stops: number;
  readonly runId: string;
}

/** Answers when the gate is open, and counts. */
function gatedPipeline(): GatedPipeline {
  const gate = createGate();
  let starts = 0;
  let stops = 0;
  let runId = '';
  return {
    gate,
    get starts() {
      return starts;
    },
    get stops() {
      return stops;
    },
    get runId() {
      return runId;
    },
    async run(ctx) {
      starts++;
      ({ runId } = ctx);
      ctx.signal.addEventListener('abort', () => stops++, { once: true });
      await gate.passed(ctx.signal);
      ctx.sendMessage('the answer');
    },
  };
}

function send({ origin }: ServedApp, { path, body, accept = '*/*' }: Way): Promise<Response> {
  return fetch(origin + path, {
    method: 'POST',
    headers: { ...HEADERS, accept },
    body: JSON.stringify(body),
  });
}

/** A request on a connection of its own, whose client may leave. */
function open(
  { origin }: ServedApp,
  { path, body, accept = '*/*', method = 'POST' }: Way & { readonly method?: 'GET' | 'POST' },
): { readonly answered: Promise<unknown>; leave(): void } {
  const headers = { ...HEADERS, accept };
  const request = openRequest(origin + path, { method, headers, agent: false });
  request.on('error', () => {});
  request.end(method === 'POST' ? JSON.stringify(body) : undefined);
  const answered = once(request, 'response');
  answered.catch(() => {});
  return { answered, leave: () => request.destroy() };
}

async function leaveOnce(served: ServedApp, way: Way, pipeline: GatedPipeline): Promise<void> {
  const first = open(served, way);
  await eventually(() => pipeline.starts === 1);
  first.leave();
}

/** How many requests have got their run. */
function countAccepted({ app }: ServedApp): () => number {
  let count = 0;
  const start = app.runs.start.bind(app.runs);
  app.runs.start = async (request) => {
    const run = await start(request);
    setImmediate(() => count++);
    return run;
  };
  return () => count;
}

function connections({ server }: ServedApp): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  server.getConnections((_, count) => resolve(count));
  return promise;
}
