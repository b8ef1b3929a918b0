import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as v from 'valibot';

import { hostileBodies } from '../support/hostile-bodies.ts';
import type { Size } from '../support/hostile-bodies.ts';
import { serveWatchedApp } from '../support/loop-watch.ts';
import type { WatchedApp } from '../support/loop-watch.ts';

const CHAT = '/api/v1/chat';
const MB = 1_000_000;
/** As much as is read: a little less than a body may have, for what is around the large part. */
const READ: Size = { bytes: 4 * 1024 * 1024 - 2000, values: 95_000, names: 9500 };
/** As many values and names as a body has bytes for: refused before anything looks at them. */
const BEYOND: Size = { ...READ, values: Infinity, names: Infinity };
/** For how long nothing else may happen in the process because of one request. */
const MOST_STILL_MS = 100;
/** A pause of the garbage collector may come at any time: it has to be in time once. */
const TRIES = 3;
/** Bodies that no schema sees as they are. */
const PARSER = /^(?:unknown: (?!names)|one member, often)/;
const MOST_ERROR_BYTES = 16 * 1024;
/** What is kept of threads and runs on purpose, and some room. */
const MOST_GROWTH_BYTES = 96 * 1024 * 1024;

const Schema = v.record(v.string(), v.unknown());
const Document = v.looseObject({ paths: v.record(v.string(), v.record(v.string(), v.unknown())) });
const WithBody = v.object({
  requestBody: v.object({
    content: v.object({ 'application/json': v.object({ schema: Schema }) }),
  }),
});
const WithParameters = v.object({
  parameters: v.array(v.object({ name: v.string(), in: v.picklist(['path', 'query', 'header']) })),
});
const Questions = v.object({ questions: v.tuple([v.object({ question_id: v.string() })]) });
const NO_BODY = { type: 'object', properties: {} };

interface Target {
  readonly method: string;
  readonly path: string;
  readonly schema: v.InferOutput<typeof Schema>;
  /** Puts the body into another one. */
  readonly wrap?: (body: string) => string;
}

test('no body stops the service, and no refusal is long', { timeout: 240_000 }, async (t) => {
  await using app = await serveWatchedApp();
  const document = v.parse(Document, await (await fetch(`${app.origin}/openapi.json`)).json());
  const targets = await targetsOf(app, document);
  const before = await app.heapBytes();
  let count = 0;
  const seen = new Set<string>();
  for (const target of targets) {
    const { method, path, wrap = (body: string) => body } = target;
    const bodies = hostileBodies(document, target.schema);
    // What streams an answer reads the body that another path reads, too; and nothing reads one where none is.
    const isKnown = seen.has(JSON.stringify([target.schema, wrap('')]));
    const isRead = target.schema !== NO_BODY && !isKnown;
    seen.add(JSON.stringify([target.schema, wrap('')]));
    for (const { name, text } of isRead ? bodies : bodies.slice(0, 1)) {
      // One code parses the bodies of all, and passes on what no schema looks at.
      if (path !== CHAT && PARSER.test(name)) continue;
      for (const size of path === CHAT ? [READ, BEYOND] : [READ]) {
        const body = wrap(text(size));
        const what = `${method} ${path}, ${name}, ${body.length} bytes`;
        count += 1;
        await requireQuick(app, body.length, what, () => ask(app, { method, path, body, what }));
      }
    }
  }
  const grown = (await app.heapBytes()) - before;
  t.diagnostic(`${count} bodies, grown by ${Math.round(grown / MB)} MB`);
  assert.ok(grown < MOST_GROWTH_BYTES, `${grown}`);
});

test('no answer to a question stops the service', { timeout: 60_000 }, async () => {
  await using app = await serveWatchedApp();
  const chat = await jsonFrom(app, 'POST', CHAT, { contact_id: 'c', message: 'ask' });
  const open = `/api/v1/questions?thread_id=${String(chat['thread_id'])}`;
  const { questions } = v.parse(Questions, await jsonFrom(app, 'GET', open));
  const path = `/api/v1/questions/${questions[0].question_id}/answer`;
  const zeros = (count: number): string => `[${'0,'.repeat(count)}0]`;
  const names = Array.from({ length: READ.names }, (_, i) => `"k${i}":0`).join();
  for (const value of [`{"list":${zeros(7000)}}`, `{"list":${zeros(READ.values)}}`, `{${names}}`]) {
    const body = `{"value":${value}}`;
    const what = `an answer of ${body.length} bytes`;
    await requireQuick(app, body.length, what, () =>
      ask(app, { method: 'POST', path, body, what, status: 422 }),
    );
  }
});

test('no address stops the service', { timeout: 120_000 }, async () => {
  await using app = await serveWatchedApp();
  const document = v.parse(Document, await (await fetch(`${app.origin}/openapi.json`)).json());
  const ids = await soundIds(app);
  const words = Array.from({ length: 2500 }, (_, i) => `a${i}`)
    .join()
    .slice(0, 12_000);
  for (const [path, item] of Object.entries(document.paths)) {
    const operation = item['get'];
    if (!v.is(WithParameters, operation)) continue;
    for (const { name, in: where } of operation.parameters) {
      const values = where === 'path' ? { ...ids, [name]: words } : ids;
      const query = where === 'query' ? `?${name}=${words}` : '';
      const address = pathWith(path, values) + query;
      const get = (): Promise<void> => {
        return ask(app, { method: 'GET', path: address, what: `GET ${path}, ${name}` });
      };
      if (where !== 'header') await requireQuick(app, MB, address.slice(0, 200), get);
    }
  }
});

/** The loop is no longer still than allowed beside a request of the same size that does nothing. */
async function requireQuick(
  app: WatchedApp,
  bytes: number,
  what: string,
  act: () => Promise<void>,
): Promise<void> {
  const seen: string[] = [];
  for (let left = TRIES; left > 0; left -= 1) {
    const still = await stillMs(app, act);
    if (still <= MOST_STILL_MS) return;
    const floor = await stillMs(app, () => sendFloor(app, bytes));
    if (still <= MOST_STILL_MS + floor) return;
    seen.push(`${Math.round(still)} ms, floor ${Math.round(floor)} ms`);
  }
  assert.fail(`${what}: the loop stood still for ${seen.join('; ')}`);
}

async function stillMs(app: WatchedApp, act: () => Promise<void>): Promise<number> {
  await app.stillMs();
  await act();
  return app.stillMs();
}

async function sendFloor(app: WatchedApp, bytes: number): Promise<void> {
  const body = JSON.stringify({ contact_id: 'floor', message: 'x', pad: 'x'.repeat(bytes) });
  await ask(app, { method: 'POST', path: CHAT, body, what: 'floor' });
}

async function ask(
  app: WatchedApp,
  {
    method,
    path,
    body,
    what,
    status,
  }: {
    readonly method: string;
    readonly path: string;
    readonly body?: string;
    readonly what: string;
    /** What it must be answered with; otherwise anything below 500. */
    readonly status?: number;
  },
): Promise<void> {
  const response = await fetch(app.origin + path, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body }),
  });
  const text = await response.text();
  if (status !== undefined) assert.equal(response.status, status, text.slice(0, 300));
  assert.ok(response.status < 500, `${what}: ${response.status} ${text.slice(0, 300)}`);
  if (!response.ok || /"(?:error|isError)":/.test(text.slice(0, 100))) {
    assert.ok(text.length < MOST_ERROR_BYTES, `${what}: ${text.length} bytes`);
  }
}

async function jsonFrom(
  app: WatchedApp,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(app.origin + path, {
    method,
    ...(body && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  return v.parse(Schema, await response.json());
}

/** Every operation with a body, and what is below one that takes messages of many kinds. */
async function targetsOf(
  app: WatchedApp,
  document: v.InferOutput<typeof Document>,
): Promise<readonly Target[]> {
  const ids = await soundIds(app);
  const targets = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]): Target[] => {
      if (method === 'get') return [];
      const schema = v.is(WithBody, operation)
        ? operation.requestBody.content['application/json'].schema
        : NO_BODY;
      return [{ method: method.toUpperCase(), path: pathWith(path, ids), schema }];
    }),
  );
  const sending =
    targets.find(({ path }) => path === '/a2a/rest/message:send')?.schema ?? assert.fail();
  const text = { type: 'string' };
  const tool = {
    type: 'object',
    properties: { message: text, thread_id: text, contact_id: text },
    required: ['message'],
  };
  const rpc = (method: string) => (params: string) =>
    `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(method)},"params":${params}}`;
  const called = (given: string): string => `{"name":"chat","arguments":${given}}`;
  return [
    ...targets,
    { method: 'POST', path: '/a2a', schema: sending, wrap: rpc('SendMessage') },
    { method: 'POST', path: '/a2a', schema: sending, wrap: rpc('message/send') },
    { method: 'POST', path: '/mcp', schema: tool, wrap: (body) => rpc('tools/call')(called(body)) },
  ];
}

function pathWith(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x');
}

async function soundIds(app: WatchedApp): Promise<Readonly<Record<string, string>>> {
  const chat = await fetch(app.origin + CHAT, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'c', message: 'm' }),
  });
  await chat.text();
  const run = chat.headers.get('x-jims-run-id') ?? '';
  const thread = chat.headers.get('x-jims-thread-id') ?? '';
  const hex = (uuid: string): string => uuid.replaceAll('-', '');
  return {
    run_id: run,
    thread_id: thread,
    event_id: thread,
    contact_id: 'gone',
    conversation_id: `conv_${hex(thread)}`,
    response_id: `resp_${hex(run)}`,
    task: `${run}:cancel`,
  };
}
