// One contact floods the service: the others get in.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Principal, ThreadContext } from 'jims-core';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { jsonOf, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { createGate } from '../support/gate.ts';
import { liveFrames } from '../support/live-frames.ts';

const MAX_RUNS = 20;
const SHARE = 2;
const MAX_STREAMS = 30;
const STREAM_SHARE = 3;

/** Contacts by token, and services by key. */
function authenticate(request: Request): Promise<Principal | undefined> {
  const token = request.headers.get('authorization')?.slice('Bearer '.length);
  if (token === undefined) return Promise.resolve(undefined);
  const principal: Principal = token.startsWith('key')
    ? { kind: 'service', id: token }
    : { kind: 'contact', id: token, contactId: token };
  return Promise.resolve(principal);
}

const FLOODS: readonly { name: string; threads: number; path: string; body: object }[] = [
  { name: 'in one thread', threads: 1, path: 'runs', body: { message: 'hi' } },
  { name: 'in many threads', threads: MAX_RUNS + 1, path: 'runs', body: { message: 'hi' } },
];

for (const { name, threads, path, body } of FLOODS) {
  test(`a contact’s runs ${name} take its share, and no more`, async () => {
    await using world = await openWorld();
    const ids = await world.threadsOf('attacker', threads);
    const statuses: number[] = [];
    for (let n = 0; n <= MAX_RUNS; n++) {
      const response = await world.as(
        'attacker',
        `/api/v1/threads/${ids[n % threads]}/${path}`,
        body,
      );
      statuses.push(response.status);
      if (response.status !== 429) continue;
      assert.ok(response.headers.has('retry-after'));
      assert.equal((await jsonOf(response))['code'], 'too_many_runs');
    }
    assert.deepEqual(
      statuses.slice(0, SHARE),
      Array.from({ length: SHARE }, () => 202),
    );
    assert.ok(statuses.slice(SHARE).every((status) => status === 429));
    const registry = await world.api.app.metrics.registry();
    const refused = MAX_RUNS + 1 - SHARE;
    assert.match(
      await registry.metrics(),
      new RegExp(`refusals_total{code="too_many_runs"} ${refused}`),
    );

    const victim = await world.as('victim', '/api/v1/chat/stream', {
      message: 'hi',
      include: ['thread'],
    });
    assert.equal(victim.status, 200);
    world.gate.open();
    assert.match(await victim.text(), /event: result/);
    // What is answered does not count any more.
    await eventually(async () => {
      const again = await world.as('attacker', '/api/v1/chat', { message: 'hi' });
      return again.status === 200;
    });
  });
}

test('a contact’s streams and tails take its share, and no more', async () => {
  await using world = await openWorld();
  const [thread = ''] = await world.threadsOf('attacker', 1);
  const [other = ''] = await world.threadsOf('victim', 1);
  const started = await world.as('attacker', '/api/v1/chat/stream', {
    message: 'hi',
    include: ['thread'],
  });
  const stream = liveFrames(started);
  const runId = String((await stream.until('thread')).data['run_id']);
  const join = `/api/v1/runs/${runId}/stream`;
  const tail = `/api/v1/threads/${thread}/events`;
  const open = [
    liveFrames(await world.tail('attacker', tail)),
    liveFrames(await world.tail('attacker', join)),
  ];
  for (const path of [tail, join]) {
    const refused = await world.tail('attacker', path);
    assert.equal(refused.status, 429);
    assert.ok(refused.headers.has('retry-after'));
    assert.equal((await jsonOf(refused))['code'], 'too_many_streams_of_caller');
  }
  const started2 = await world.as('attacker', '/api/v1/chat/stream', { message: 'hi' });
  assert.equal(started2.status, 429);

  const tails = await Promise.all([
    world.tail('victim', `/api/v1/threads/${other}/events`),
    // A service that names nobody has no share of its own.
    ...Array.from({ length: STREAM_SHARE + 1 }, () => world.tail('key', tail)),
  ]);
  for (const response of tails) {
    assert.equal(response.status, 200);
    open.push(liveFrames(response));
  }
  // What a service opens for a contact counts for that contact.
  const named = await world.tail('key', `${tail}?contact_id=attacker`);
  assert.equal(named.status, 429);
  for (const each of open) await each.leave();
  const again = await world.tail('attacker', tail);
  assert.equal(again.status, 200);
  await again.body?.cancel();
  world.gate.open();
  await stream.rest();
});

test('a service has no share of its own, only the contacts that it names', async () => {
  await using world = await openWorld();
  const chat = (contact_id: string): Promise<Response> =>
    world.as('key', '/api/v1/chat/stream', { contact_id, message: 'hi' });
  const first = await Promise.all(Array.from({ length: SHARE }, () => chat('a')));
  assert.deepEqual(
    first.map(({ status }) => status),
    [200, 200],
  );
  assert.equal((await chat('a')).status, 429);
  const others = await Promise.all(['b', 'c', 'd', 'e'].map(chat));
  assert.ok(others.every(({ status }) => status === 200));
  // Nobody in particular.
  const nobody = await Promise.all(
    Array.from({ length: SHARE + 1 }, (_, n) =>
      world.as('key', '/v1/responses', { model: 'm', input: `hi ${n}`, background: true }),
    ),
  );
  assert.deepEqual(
    nobody.map(({ status }) => status),
    [200, 200, 200],
  );
  world.gate.open();
  await Promise.all([...first, ...others].map((response) => response.text()));
});

test('a request that is sent again finds its run, though the share is used up', async () => {
  await using world = await openWorld();
  const body = { message: 'hi' };
  const key = { 'idempotency-key': 'k' };
  const first = world.as('a', '/api/v1/chat', body, key);
  await eventually(() => world.starts() === 1);
  const others = [await world.as('a', '/api/v1/chat/stream', body)];
  assert.equal((await world.as('a', '/api/v1/chat/stream', body)).status, 429);
  const again = world.as('a', '/api/v1/chat', body, key);
  const fresh = await world.as('a', '/api/v1/chat', body, { 'idempotency-key': 'another' });
  assert.equal(fresh.status, 429);
  world.gate.open();
  assert.equal((await again).headers.get('idempotency-replayed'), 'true');
  assert.equal(await (await again).text(), await (await first).text());
  for (const each of others) await each.text();
});

test('each protocol refuses in its own form', async () => {
  await using world = await openWorld();
  const waiting = await Promise.all(
    Array.from({ length: SHARE }, () => world.as('a', '/api/v1/chat/stream', { message: 'hi' })),
  );
  const texts: Record<string, string> = {};
  for (const [path, body] of [
    ['/v1/chat/completions', { model: 'm', messages: [{ role: 'user', content: 'hi' }] }],
    ['/v1/responses', { model: 'm', input: 'hi' }],
    [
      '/ai-sdk/chat',
      { id: 'x', messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'hi' }] }] },
    ],
    ['/deep-chat', { messages: [{ text: 'hi' }] }],
  ] as const) {
    const response = await world.as('a', path, body);
    assert.equal(response.status, 429, path);
    assert.ok(response.headers.has('retry-after'), path);
    texts[path] = await response.text();
  }
  const message = 'Too many messages of this contact are unanswered: try again later';
  for (const path of ['/v1/chat/completions', '/v1/responses']) {
    const error = { message, type: 'rate_limit_error', param: null, code: 'too_many_runs' };
    assert.deepEqual(JSON.parse(texts[path] ?? ''), { error });
  }
  assert.equal(texts['/ai-sdk/chat'], message);
  assert.deepEqual(JSON.parse(texts['/deep-chat'] ?? ''), { error: message });
  const params = { message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hi' }] } };
  const a2a = await jsonOf(
    await world.as(
      'a',
      '/a2a',
      { jsonrpc: '2.0', id: 1, method: 'SendMessage', params },
      { 'a2a-version': '1.0' },
    ),
  );
  assert.match(JSON.stringify(a2a), new RegExp(message));
  const mcp = await jsonOf(
    await world.as('a', '/mcp', {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'chat', arguments: { message: 'hi' } },
    }),
  );
  assert.deepEqual(mcp['result'], { content: [{ type: 'text', text: message }], isError: true });
  world.gate.open();
  await Promise.all(waiting.map((response) => response.text()));
});

interface World extends AsyncDisposable {
  readonly api: TestApi;
  readonly gate: ReturnType<typeof createGate>;
  starts(): number;
  as(who: string, path: string, body: object, headers?: Record<string, string>): Promise<Response>;
  tail(who: string, path: string): Promise<Response>;
  threadsOf(contactId: string, count: number): Promise<readonly string[]>;
}

/** Runs wait for a gate; shares are a tenth of all. */
async function openWorld(): Promise<World> {
  const gate = createGate();
  let starts = 0;
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    starts++;
    await gate.passed(ctx.signal);
    ctx.sendMessage('answer');
  };
  const api = testApi(pipeline, { authenticate, maxStreams: MAX_STREAMS });
  await api.app.open({ limits: { maxRuns: MAX_RUNS } });
  return {
    api,
    gate,
    starts: () => starts,
    as: (who, path, body, headers = {}) =>
      api.post(path, body, { authorization: `Bearer ${who}`, ...headers }),
    tail: (who, path) =>
      api.get(path, { authorization: `Bearer ${who}`, accept: 'text/event-stream' }),
    async threadsOf(contactId, count) {
      const made = Array.from({ length: count }, () => api.app.threads.getOrCreate({ contactId }));
      return (await Promise.all(made)).map(({ thread }) => thread.id);
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}
