// What pipelines throw may be anything: of any type, of any size, holding on to anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { ThreadContext } from 'jims-core';

import { jsonOf, parseFrames, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { recorder } from '../support/recorder.ts';

const CHAT = '/api/v1/chat';
const MIB = 1024 * 1024;

const refuse = (): never => {
  throw new Error('not to be read');
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const ODDITIES: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  text: () => 'only words',
  symbol: () => Symbol('odd'),
  'without a prototype': () => Object.create(null),
  'revoked proxy': revoked,
  'caused by a revoked proxy': () => new Error('outer', { cause: revoked() }),
  'error without words': () => Object.assign(new Error('x'), { message: 42, stack: {}, name: [] }),
  'unreadable error': () => Object.defineProperty(new Error('x'), 'message', { get: refuse }),
  'says yes to everything': () => new Proxy({}, { has: () => true, get: refuse }),
  'an error of ours without a code': () => ({ [Symbol.for('jims.error')]: true }),
};

async function* pieces(piece: string): AsyncGenerator<string> {
  yield piece;
}

function post(api: TestApi, message: string, path = CHAT): Promise<Response> {
  return api.post(path, { contact_id: 'c', message });
}

for (const exposeErrors of [false, true]) {
  test(`whatever was thrown, its run ends and is answered, errors ${exposeErrors ? 'shown' : 'hidden'}`, async () => {
    await using api = testApi(
      ({ lastUserMessage: name = '' }) => {
        throw ODDITIES[name]?.();
      },
      { exposeErrors },
    );
    for (const name of Object.keys(ODDITIES)) {
      const response = await post(api, name);
      assert.equal(response.status, 500, name);
      assert.match(String((await jsonOf(response))['detail']), /^Pipeline error/, name);
      const stream = await (await post(api, name, `${CHAT}/stream`)).text();
      assert.deepEqual(
        parseFrames(stream).map(({ event }) => event),
        ['error'],
        name,
      );
    }
  });
}

test('what is not a string cannot be sent as text: the pipeline fails where it sends it', async () => {
  const odd: unknown = { toJSON: refuse, length: 1 };
  const acts: Readonly<Record<string, (ctx: ThreadContext) => unknown>> = {
    'A status': (ctx) => ctx.updateAgentStatus({ message: odd as string, statusType: 'x' }),
    'The type of a status': (ctx) =>
      ctx.updateAgentStatus({ message: 'x', statusType: odd as string }),
    'A piece of a message': (ctx) => ctx.sendMessage(pieces(odd as string)),
  };
  await using api = testApi((ctx) => acts[ctx.lastUserMessage ?? '']?.(ctx), {
    exposeErrors: true,
  });
  for (const what of Object.keys(acts)) {
    const isPiece = what === 'A piece of a message';
    const wanted = isPiece
      ? 'a string, or a part with a type: of what another library streams, yield the text'
      : 'a string. It is an object';
    const frames = parseFrames(await (await post(api, what, `${CHAT}/stream`)).text());
    assert.deepEqual(
      frames.map(({ event, data }) => [event, data['detail']]),
      [['error', `Pipeline error: ${what} must be ${wanted}`]],
    );
  }
});

test('what is nested counts as output, too', async () => {
  await using api = testApi(
    (ctx) => {
      ctx.sendEvent('rag.found', { documents: [{ text: 'x'.repeat(20_000) }] });
    },
    { exposeErrors: true },
  );
  await api.app.open({ limits: { maxOutputBytes: 10_000 } });
  const { detail } = await jsonOf(await post(api, 'Hi'));
  assert.match(String(detail), /sent more than 10000 bytes/);
});

test('what an own way to authenticate throws is an answer, too', async () => {
  let thrown: unknown;
  await using api = testApi(() => {}, {
    authenticate() {
      throw thrown;
    },
  });
  for (const [name, make] of Object.entries(ODDITIES)) {
    thrown = make();
    assert.equal((await post(api, 'Hi')).status, 500, name);
  }
  thrown = Object.assign(new Error('of a newer jims-core'), { code: 'not_known_here' });
  Object.defineProperty(thrown, Symbol.for('jims.error'), { value: true });
  assert.equal((await post(api, 'Hi')).status, 500);
});

test('a long error is cut wherever it goes, and says so', async () => {
  const { logger, lines } = recorder();
  const cut = /^Pipeline error: x{4000}… \(\d+ more characters\)$/;
  await using api = testApi(
    () => {
      throw new Error('x'.repeat(MIB), { cause: 'y'.repeat(MIB) });
    },
    { exposeErrors: true, logger },
  );
  await api.app.open({ logger });
  const response = await post(api, 'Hi');
  assert.match(String((await jsonOf(response))['detail']), cut);
  const stream = await (await post(api, 'Hi', `${CHAT}/stream`)).text();
  assert.match(String(parseFrames(stream)[0]?.data['detail']), cut);
  const failures = lines.filter(({ level }) => level === 'error');
  assert.equal(failures.length, 2);
  for (const { fields } of failures) {
    const line = JSON.stringify(fields);
    assert.ok(line.length < 20_000, `${line.length}`);
    assert.match(line, /thrown\.test\.ts/, 'the place is not cut away by the message');
  }
});

test('an error of ours that a pipeline throws is cut in the record of its run', async () => {
  await using api = testApi((ctx) => {
    const error = Object.assign(new Error('z'.repeat(MIB)), { code: 'store_unavailable' });
    Object.defineProperty(error, Symbol.for('jims.error'), { value: true });
    ctx.updateAgentStatus('fails');
    throw error;
  });
  const record = await api.app.runs.record(await streamedRun(api));
  assert.match(record?.error?.message ?? '', /^z{4000}… \(\d+ more characters\)$/);
});

test('a run that can still be joined does not hold what its pipeline threw', async () => {
  let thrown: WeakRef<object> | undefined;
  await using api = testApi(
    (ctx) => {
      ctx.updateAgentStatus('fails');
      const error = new Error('exposed');
      thrown = new WeakRef(error);
      throw error;
    },
    { exposeErrors: true },
  );
  const id = await streamedRun(api);
  for (let waited = 0; thrown?.deref() && waited < 100; waited++) {
    await sleep(10);
    collectGarbage();
  }
  assert.ok(thrown && thrown.deref() === undefined);
  const joined = await api.get(`/api/v1/runs/${id}/stream`);
  const frames = parseFrames(await joined.text());
  assert.deepEqual(
    frames.map(({ event }) => event),
    ['thread', 'status', 'error'],
  );
  assert.equal(frames[2]?.data['detail'], 'Pipeline error: exposed');
});

async function streamedRun(api: TestApi): Promise<string> {
  const response = await post(api, 'Hi', `${CHAT}/stream`);
  await response.text();
  return response.headers.get('x-jims-run-id') ?? '';
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  assert.ok(typeof gc === 'function');
  gc();
}
