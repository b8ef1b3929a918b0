// What every protocol of the registry does in the same way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { describe, test } from 'node:test';

import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { emptiedDatabase } from '../../../jims-core/test/support/emptied-database.ts';
import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { PROTOCOLS } from '../../src/protocols/registry.ts';
import { testApi, testApiOn } from '../support/api.ts';
import { createGate } from '../support/gate.ts';
import type { Gate } from '../support/gate.ts';
import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';
import { ANSWERS, STREAMS, WAYS, saying } from '../support/protocol-ways.ts';

interface Sent {
  readonly path: string;
  readonly body: object;
  readonly accept?: string;
  readonly key?: string | undefined;
  readonly method?: 'GET' | 'POST';
}

const NATIVE = WAYS.jims.answers['POST /chat that stops when it is left'] ?? assert.fail();
const OPENAI = { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: true };
const JSON_TYPE = { 'content-type': 'application/json' };
const NO_ID = '00000000-0000-7000-8000-000000000000';
const Document = v.object({ paths: v.record(v.string(), v.record(v.string(), v.unknown())) });

test('each protocol of the registry has its ways here', () => {
  assert.deepEqual(Object.keys(WAYS).toSorted(), ['jims', ...Object.keys(PROTOCOLS)].toSorted());
  for (const [protocol, { streams, answers }] of Object.entries(WAYS)) {
    assert.ok(Object.keys({ ...streams, ...answers }).length > 0, protocol);
  }
});

for (const [name, way] of [...STREAMS, ...ANSWERS]) {
  const { path, body: bodyOf, accept, closing } = way;
  const body = bodyOf(saying('hi'));
  const request: Sent = { path, body, key: 'k', ...(accept !== undefined && { accept }) };

  describe(name, () => {
    test('a run with a key outlives its readers, and answers the same request again', async () => {
      const pipeline = gatedPipeline();
      await using served = await serveApp(pipeline.run);
      const accepted = countAccepted(served);
      const first = open(served, request);
      await eventually(() => pipeline.starts === 1);
      const second = open(served, request);
      await eventually(() => accepted() === 2);
      first.leave();
      await eventually(async () => (await connections(served)) === 1);
      assert.equal(pipeline.stops, 0);
      second.leave();
      if (closing === 'stops') await eventually(() => pipeline.stops === 1);
      else await eventually(async () => (await connections(served)) === 0);
      pipeline.gate.open();
      // As soon as the last one is gone: a run that stops may be on its way to its end.
      const again = await send(served, { ...request, path: `${path}/` });
      assert.equal(again.status, 200);
      assert.match(await again.text(), /the answer/);
      const expected = closing === 'stops' ? [2, 1] : [1, 0];
      assert.deepEqual([pipeline.starts, pipeline.stops], expected);
    });

    test('without a key closing means what the protocol says', async () => {
      const pipeline = gatedPipeline();
      await using served = await serveApp(pipeline.run);
      const only = open(served, { ...request, key: undefined });
      await eventually(() => pipeline.starts === 1);
      only.leave();
      await eventually(async () => (await connections(served)) === 0);
      if (closing) await eventually(() => pipeline.stops === 1);
      else pipeline.gate.open();
      const run = await served.app.runs.find(pipeline.runId);
      const end = await run?.end;
      assert.equal(end?.type, closing ? 'cancelled' : 'result');
    });

    test('half a character is refused, and nothing runs', async () => {
      const pipeline = gatedPipeline();
      await using api = testApi(pipeline.run);
      const halves = JSON.stringify(bodyOf(saying('HALF'))).replace('HALF', String.raw`a\ud83db`);
      const response = await api.post(path, halves, { accept: accept ?? '*/*' });
      const text = await response.text();
      assert.match(text, /JSON decode error/);
      assert.ok(response.status >= 400 || /"error":/.test(text), text);
      assert.equal(pipeline.starts, 0);
    });
  });
}

for (const [name, { path, body, accept = '*/*', hasIds = false }] of STREAMS) {
  test(`${name}: a stream goes on after the id of the last event that came`, async () => {
    await using api = testApi((ctx) => {
      ctx.sendMessage('one');
      ctx.sendMessage('two');
    });
    const sent = body(saying('hi'));
    const read = async (query = '', more = {}): Promise<readonly string[]> => {
      const headers = { accept, 'idempotency-key': 'k', ...more };
      const response = await api.post(path + query, sent, headers);
      assert.equal(response.status, 200);
      return steady(await response.text())
        .split('\n\n')
        .filter((frame) => frame !== '');
    };
    const whole = await read();
    const index = whole.findIndex((frame) => frame.startsWith('id: '));
    assert.equal(index >= 0, hasIds);
    const id = /^id: (\S+)/.exec(whole[index] ?? '')?.[1] ?? '1.1';
    const rest = hasIds ? whole.slice(index + 1) : await read();
    assert.deepEqual(await read('', { 'last-event-id': id }), rest);
    for (const spelling of ['lastEventId', 'last_event_id', 'Last-Event-ID']) {
      assert.deepEqual(await read(`?${spelling}=${id}`), rest, spelling);
    }
  });
}

test('an explicit stop stays a stop', async () => {
  for (const protocol of ['jims', 'openai-chat'] as const) {
    const [way] = Object.values(WAYS[protocol].streams);
    assert.ok(way);
    const request = { path: way.path, body: way.body(saying('hi')), key: 'k' };
    const pipeline = gatedPipeline();
    await using served = await serveApp(pipeline.run);
    const first = send(served, request);
    await eventually(() => pipeline.starts === 1);
    await served.app.runs.cancel(pipeline.runId);
    await (await first).text();
    pipeline.gate.open();
    assert.doesNotMatch(await (await send(served, request)).text(), /the answer/);
    assert.equal(pipeline.starts, 1);
  }
});

test('every path of the document is the same with a slash at its end', async () => {
  await using api = testApi((ctx) => ctx.sendMessage('hi'));
  const { paths } = v.parse(Document, await (await api.get('/openapi.json')).json());
  for (const [template, operations] of Object.entries(paths)) {
    const path = template.replaceAll(/\{\w+\}/g, NO_ID);
    for (const method of Object.keys(operations).map((name) => name.toUpperCase())) {
      const init = method === 'GET' ? {} : { headers: JSON_TYPE, body: '{}' };
      const plain = await api.send(method, path, init);
      const slashed = await api.send(method, `${path}/`, init);
      assert.equal(slashed.status, plain.status, `${method} ${path}/`);
      const said = steady(await plain.text());
      if (plain.status >= 400)
        assert.equal(steady(await slashed.text()), said, `${method} ${path}/`);
    }
  }
});

test('a run stops when its last reader leaves, even one that joined it', async () => {
  const pipeline = gatedPipeline();
  await using served = await serveApp(pipeline.run);
  const first = open(served, { path: '/v1/chat/completions', body: OPENAI });
  await eventually(() => pipeline.starts === 1);
  const path = `/api/v1/runs/${pipeline.runId}/stream`;
  const second = open(served, { method: 'GET', path, body: {} });
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

test('with a key a run goes on for a reader at another process', async () => {
  await using database = await emptiedDatabase();
  const pipeline = gatedPipeline();
  await using here = testApiOn(database.url, pipeline.run);
  await using there = testApiOn(database.url, pipeline.run);
  const key = { 'idempotency-key': 'k' };
  const first = await here.post('/v1/chat/completions', OPENAI, key);
  const second = await there.post('/v1/chat/completions', OPENAI, key);
  await eventually(() => pipeline.starts === 1);
  await first.body?.cancel();
  pipeline.gate.open();
  assert.match(await second.text(), /the answer/);
  assert.equal(pipeline.starts, 1);
});

test('a run that its client wants to stop runs again by its key in another process', async () => {
  await using database = await emptiedDatabase();
  const pipeline = gatedPipeline();
  await using here = testApiOn(database.url, pipeline.run);
  await using there = testApiOn(database.url, pipeline.run);
  const key = { 'idempotency-key': 'k' };
  const path = '/api/v1/chat/stream';
  const body = NATIVE.body(saying('hi'));
  const first = await here.post(path, body, key);
  const second = await there.post(path, body, key);
  await eventually(() => pipeline.starts === 1);
  await first.body?.cancel();
  assert.match(await second.text(), /"reason": "disconnected"/);
  pipeline.gate.open();
  assert.match(await (await there.post(path, body, key)).text(), /the answer/);
  assert.equal(pipeline.starts, 2);
});

/** Without what differs from answer to answer. */
function steady(answer: string): string {
  return answer.replaceAll(/"(?:request_id|timestamp)":"[^"]+"/g, '');
}

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

function headersOf({ accept = '*/*', key }: Sent): Record<string, string> {
  return { ...JSON_TYPE, accept, ...(key !== undefined && { 'idempotency-key': key }) };
}

function send({ origin }: ServedApp, sent: Sent): Promise<Response> {
  const { path, body } = sent;
  return fetch(origin + path, {
    method: 'POST',
    headers: headersOf(sent),
    body: JSON.stringify(body),
  });
}

/** A request on a connection of its own, whose client may leave. */
function open(
  { origin }: ServedApp,
  sent: Sent,
): { readonly answered: Promise<unknown>; leave(): void } {
  const { path, body, method = 'POST' } = sent;
  const request = openRequest(origin + path, { method, headers: headersOf(sent), agent: false });
  request.on('error', () => {});
  request.end(method === 'POST' ? JSON.stringify(body) : undefined);
  const answered = once(request, 'response');
  answered.catch(() => {});
  return { answered, leave: () => request.destroy() };
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
