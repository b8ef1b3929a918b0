// What a pipeline may say, in every protocol: whatever it is, each client can read it and send it back.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { defineApp } from 'jims-core';
import type { Run, ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { describeStores } from '../../../jims-core/test/support/stores.ts';
import { testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { ANSWERS, STREAMS, saying } from '../support/protocol-ways.ts';
import type { Said, StreamWay } from '../support/protocol-ways.ts';

/** The most characters that a piece of text may have. */
const MAX_DELTA = 16 * 1024;
const HIGH = '\ud83d';
const LOW = '\ude00';
/** More than one line of a stream may hold, in characters of two halves. */
const LONG = `a${'😀'.repeat(40_000)}`;
/** As long, of what JSON writes as six bytes each. */
const LONG_ESCAPES = 'a\u2028\u0001'.repeat(20_000);
/** Where Python and others end a line, too. */
const SEPARATORS = 'a\u0085b\u2028c\u2029d';

const REPLIES: Readonly<Record<string, (ctx: ThreadContext) => unknown>> = {
  'two halves': (ctx) => ctx.sendMessage(pieces([`A${HIGH}`, '', `${LOW}B`, HIGH])),
  'cut off': (ctx) => ctx.sendMessage(`x${HIGH}y${LOW}\0`),
  separators: (ctx) => ctx.sendMessage(SEPARATORS),
  'streamed separators': (ctx) => ctx.sendMessage(pieces(SEPARATORS.split(''))),
  long: (ctx) => ctx.sendMessage(LONG),
  'long escapes': (ctx) => ctx.sendMessage(LONG_ESCAPES),
  'streamed long': (ctx) => ctx.sendMessage(pieces([LONG, 'b'])),
  beside(ctx) {
    ctx.updateAgentStatus({ message: `s${HIGH}\u2028\0`, statusType: `t${LOW}` });
    ctx.sendEvent(`rag.${HIGH}`, { [`k${HIGH}`]: [`v${LOW}\u2029\0`, { deep: HIGH }] });
    ctx.sendMessageWithButtons(`q${HIGH}`, [{ text: `b${HIGH}\u0085`, id: `i${LOW}` }]);
  },
  boom() {
    throw new Error(`e${HIGH}\0\u2028`);
  },
};

const anything = v.unknown();

const SAID: Readonly<Record<string, string>> = {
  'two halves': 'A😀B\ufffd',
  'cut off': 'x\ufffdy\ufffd\ufffd',
  separators: SEPARATORS,
  'streamed separators': SEPARATORS,
  long: LONG,
  'long escapes': LONG_ESCAPES,
  'streamed long': `${LONG}b`,
};

async function* pieces(all: readonly string[]): AsyncGenerator<string> {
  yield* all;
}

async function pipeline(ctx: ThreadContext): Promise<void> {
  const question = ctx.lastUserMessage ?? '';
  if (question === 'next') ctx.sendMessage(String(ctx.history.length));
  else await REPLIES[question]?.(ctx);
}

async function streamed(api: TestApi, way: StreamWay, said: readonly Said[]): Promise<string> {
  const { path, accept = '*/*' } = way;
  const response = await api.post(path, way.body(said), { accept });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** The data of a stream, read as Python's `splitlines` reads lines. */
function dataOf(stream: string): unknown[] {
  return stream
    .split(/\r\n|[\n\r\u0085\u2028\u2029]/)
    .flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6))] : []));
}

function requireClean(value: unknown): void {
  if (typeof value === 'string') {
    assert.ok(value.isWellFormed() && !value.includes('\0'), JSON.stringify(value.slice(0, 100)));
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      requireClean(name);
      requireClean(member);
    }
  }
}

function textOf(way: StreamWay, frames: readonly unknown[]): string {
  return piecesOf(way, frames).join('');
}

function piecesOf({ text, type }: StreamWay, frames: readonly unknown[]): string[] {
  return frames
    .filter((frame) => type === undefined || memberAt(frame, ['type']) === type)
    .map((frame) => memberAt(frame, text))
    .filter((value) => typeof value === 'string');
}

function memberAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (found, name) =>
      typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined,
    value,
  );
}

for (const [name, way] of STREAMS) {
  describe(name, () => {
    test('has lines and characters that every client can read, and all that was said', async () => {
      await using api = testApi(pipeline, { exposeErrors: true });
      for (const [question, expected] of Object.entries(SAID)) {
        const stream = await streamed(api, way, saying(question));
        const data = dataOf(stream);
        requireClean(data);
        const text = textOf(way, data);
        const isPiecemeal = !way.whole || way.type !== undefined;
        for (const piece of isPiecemeal ? piecesOf(way, data) : []) {
          assert.ok(piece.length <= MAX_DELTA, `${question}: ${piece.length} characters`);
        }
        assert.ok(text === expected, `${question}: ${text.slice(0, 100)}`);
        const lines = stream.split('\n').filter((line) => !way.whole || / "delta": /.test(line));
        const longest = Math.max(0, ...lines.map((line) => Buffer.byteLength(line)));
        assert.ok(longest <= 64 * 1024, `${question}: a line of ${longest} bytes`);
      }
      for (const question of ['beside', 'boom']) {
        requireClean(dataOf(await streamed(api, way, saying(question))));
      }
    });

    if (!way.history) return;
    test('can be sent back as what was said before', async () => {
      await using api = testApi(pipeline);
      for (const question of Object.keys(SAID)) {
        const first = dataOf(await streamed(api, way, saying(question)));
        const content = textOf(way, first);
        const chat = [
          ...saying(question),
          { role: 'assistant', content } as const,
          ...saying('next'),
        ];
        const next = dataOf(await streamed(api, way, chat));
        assert.equal(textOf(way, next), '3', question);
      }
    });
  });
}

for (const [name, { path, body, accept = '*/*' }] of ANSWERS) {
  test(`${name}: an answer has characters that every client can read`, async () => {
    await using api = testApi(pipeline, { exposeErrors: true });
    for (const [question, expected] of Object.entries(SAID)) {
      const response = await api.post(path, body(saying(question)), { accept });
      const answer: unknown = await response.json();
      requireClean(answer);
      assert.ok(JSON.stringify(answer).includes(JSON.stringify(expected).slice(1, -1)), question);
    }
    for (const question of ['beside', 'boom']) {
      requireClean(await (await api.post(path, body(saying(question)), { accept })).json());
    }
  });
}

test('what an app sends outside of messages leaves the service clean, too', async () => {
  await using api = testApi({ pipeline, name: `n${HIGH}`, description: `d${LOW}` });
  const { thread } = await api.app.threads.getOrCreate({
    contactId: 'c',
    threadConfig: { [HIGH]: LOW },
  });
  for (const path of [
    '/.well-known/agent-card.json',
    '/v1/models',
    '/openapi.json',
    `/api/v1/threads/${thread.id}`,
    `/api/v1/threads/${thread.id}/events`,
    '/api/v1/contacts/c/export',
  ]) {
    const response = await api.get(path);
    assert.equal(response.status, 200, path);
    requireClean(await response.json());
  }
});

describeStores((kind) => {
  test('a config and the name of a state may be of any text, too', async () => {
    await using database = await kind.fresh();
    const odd = { [`k${HIGH}\0`]: `v${LOW}\0` };
    const clean = { 'k\ufffd\ufffd': 'v\ufffd\ufffd' };
    const found: unknown[] = [];
    await using app = defineApp({
      store: database.url,
      pipeline(ctx) {
        found.push(ctx.getState(`s${HIGH}`, anything));
        ctx.setState(`s${HIGH}`, odd);
        found.push(ctx.getState(`s${HIGH}`, anything));
      },
    });
    const { thread } = await app.threads.getOrCreate({ contactId: 'c', threadConfig: odd });
    for (let runs = 0; runs < 2; runs += 1) {
      const run = await app.runs.start({ thread: { kind: 'thread', threadId: thread.id } });
      assert.equal((await run.end).type, 'result');
    }
    assert.deepEqual(found, [undefined, clean, clean, clean]);
    const begin = { kind: 'new', contactId: 'c', threadConfig: odd, events: [] } as const;
    const { thread: begun } = await app.runs.start({ thread: begin });
    for (const { id } of [thread, begun]) {
      assert.deepEqual((await app.threads.find(id))?.thread.config, clean);
      await app.threads.updateConfig(id, { ...odd, more: true });
      assert.deepEqual((await app.threads.find(id))?.thread.config, { ...clean, more: true });
    }
  });

  test('a run that is read in another process has whole characters, piece by piece', async () => {
    await using database = await kind.fresh();
    const shown = Promise.withResolvers<void>();
    await using one = defineApp({
      store: database.url,
      pipeline: (ctx) =>
        ctx.sendMessage(
          (async function* () {
            yield `A${HIGH}`;
            await shown.promise;
            yield `${LOW}B${HIGH}`;
          })(),
        ),
    });
    // SQLite belongs to one process: there the run is joined in it.
    await using other = kind.name === 'sqlite' ? one : defineApp({ store: database.url, pipeline });
    const run = await one.runs.start({
      thread: { kind: 'new', contactId: 'c', threadConfig: {}, events: [] },
    });
    const joined = await other.runs.find(run.id);
    assert.ok(joined);
    const deltas = deltasOf(joined, shown.resolve);
    assert.deepEqual(await deltas, ['A', '😀B', '\ufffd']);
    const last = (await Array.fromAsync(other.threads.allEvents(run.thread))).flat().at(-1);
    assert.equal(last?.data['content'], 'A😀B\ufffd');
  });
});

async function deltasOf(run: Run, onFirst: () => void): Promise<string[]> {
  const deltas: string[] = [];
  for await (const event of run.listen({ piecemeal: true })) {
    if (event.type !== 'delta') continue;
    deltas.push(event.delta);
    onFirst();
  }
  return deltas;
}
