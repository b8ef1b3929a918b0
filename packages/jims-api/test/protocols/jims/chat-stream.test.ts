import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { jsonOf, parseFrames, testApi } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';

const STREAM = '/api/v1/chat/stream';
const EVERYTHING = ['thread', 'start', 'delta', 'event'];

async function stream(api: TestApi, body: object): Promise<ReturnType<typeof parseFrames>> {
  const response = await api.post(STREAM, { contact_id: 'c', message: 'Hi', ...body });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  return parseFrames(await response.text());
}

async function* words(): AsyncGenerator<string> {
  yield 'one ';
  yield 'two';
}

async function talkative(ctx: ThreadContext): Promise<void> {
  ctx.updateAgentStatus('Thinking…');
  ctx.updateAgentStatus({ message: 'line\n"two"', statusType: 'x' });
  ctx.setState('secret', { n: 1 });
  ctx.sendEvent('rag.done', { hits: 2 });
  await ctx.sendMessage(words());
}

test('a strict client sees statuses, then the same answer as of chat', async () => {
  await using api = testApi(talkative);
  const frames = await stream(api, {});
  const chat = await jsonOf(await api.post('/api/v1/chat', { contact_id: 'd', message: 'Hi' }));
  const answer = { ...chat, thread_id: (await api.app.threads.latest('c'))?.thread.id };
  assert.deepEqual(frames, [
    { event: 'status', data: { status: 'Thinking…', type: 'status' } },
    { event: 'status', data: { status: 'line\n"two"', type: 'x' } },
    { event: 'result', data: answer },
  ]);
  assert.deepEqual(chat['assistant_messages'], ['one two']);
});

test('frames are written as the original writes them', async () => {
  await using api = testApi((ctx) => ctx.updateAgentStatus('Думаю'));
  const response = await api.post(STREAM, { contact_id: 'c', message: 'Hi' });
  const [first] = (await response.text()).split('\n\n');
  assert.equal(
    first,
    String.raw`event: status
data: {"status": "\u0414\u0443\u043c\u0430\u044e", "type": "status"}`,
  );
});

test('a client that asks for more gets the thread first, deltas and public events, and the greeting', async () => {
  await using api = testApi({
    pipeline: talkative,
    conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome!'),
  });
  const frames = await stream(api, {
    include: EVERYTHING,
    run_conversation_start_on_new_thread: true,
  });
  const names = frames.map(({ event }) => event);
  assert.equal(names[0], 'thread');
  assert.equal(names.at(-1), 'result');
  assert.equal(names.filter((name) => name === 'result').length, 1);

  const [thread] = frames;
  const threadId = (await api.app.threads.latest('c'))?.thread.id;
  assert.deepEqual(thread?.data, {
    ...Object(thread?.data),
    thread_id: threadId,
    created_new_thread: true,
  });
  assert.match(String(Object(thread?.data).run_id), /^[0-9a-f-]{36}$/);

  const deltas = frames.filter(({ event }) => event === 'delta').map(({ data }) => Object(data));
  assert.deepEqual(
    deltas.map(({ delta }) => delta),
    ['one ', 'two'],
  );
  assert.equal(new Set(deltas.map(({ message_id }) => message_id)).size, 1);

  const events = frames.filter(({ event }) => event === 'event').map(({ data }) => Object(data));
  const types = events.map(({ event_type }) => event_type);
  assert.ok(types.includes('rag.done'), types.join());
  assert.ok(!types.some((type) => String(type).startsWith('state.')), types.join());
  const message = events.find(({ event_data }) => event_data.content === 'one two');
  assert.equal(message?.event_id, deltas[0]?.message_id, 'the pieces belong to that message');

  const result = Object(frames.at(-1)?.data);
  assert.deepEqual(result.start.assistant_messages, ['Welcome!']);
});

test('each of them comes for itself', async () => {
  await using api = testApi(talkative);
  const names = async (...include: string[]): Promise<string[]> =>
    (await stream(api, { include })).map(({ event }) => event);
  assert.deepEqual(await names('thread'), ['thread', 'status', 'status', 'result']);
  assert.deepEqual(await names('delta'), ['status', 'status', 'delta', 'delta', 'result']);
  assert.deepEqual(await names('start', 'usage'), ['status', 'status', 'result']);
});

test('statuses arrive while the pipeline works', async () => {
  const gate = Promise.withResolvers<void>();
  await using api = testApi(async (ctx) => {
    ctx.updateAgentStatus('first');
    await gate.promise;
    ctx.sendMessage('done');
  });
  const { body } = await api.post(STREAM, { contact_id: 'c', message: 'Hi' });
  assert.ok(body);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? '', /^event: status\ndata: .*"first"/);
  gate.resolve();
  assert.match((await reader.read()).value ?? '', /^event: result\n/);
  assert.equal((await reader.read()).done, true);
});

test('a failing pipeline ends the stream with an error that does not show its text', async () => {
  const failing = (ctx: ThreadContext): never => {
    ctx.updateAgentStatus('before');
    throw new Error('password=hunter2\n\nevent: fake');
  };
  await using api = testApi(failing);
  const response = await api.post(
    STREAM,
    { contact_id: 'c', message: 'x' },
    { 'x-request-id': 'r1' },
  );
  assert.equal(response.status, 200);
  assert.deepEqual(parseFrames(await response.text()), [
    { event: 'status', data: { status: 'before', type: 'status' } },
    { event: 'error', data: { detail: 'Pipeline error (request r1)' } },
  ]);
  await using open = testApi(failing, { exposeErrors: true });
  assert.deepEqual((await stream(open, {})).at(-1), {
    event: 'error',
    data: { detail: 'Pipeline error: password=hunter2\n\nevent: fake' },
  });
});

test('what is wrong before the run begins is an ordinary answer', async () => {
  await using api = testApi(talkative, { apiKeys: ['s3cret'] });
  const bearer = { authorization: 'Bearer s3cret' };
  const thread_id = '0190d3a0-1111-7222-8333-444444444444';
  for (const [status, body, headers] of [
    [401, { contact_id: 'c', message: 'x' }, {}],
    [422, { message: 1 }, bearer],
    [422, '{"contact_id":', bearer],
    [404, { contact_id: 'c', message: 'x', thread_id }, bearer],
  ] as const) {
    const response = await api.post(STREAM, body, headers);
    assert.equal(response.status, status);
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.ok('detail' in (await jsonOf(response)));
  }
});

test('a client that leaves does not stop the run: its answer is kept', async () => {
  const gate = Promise.withResolvers<void>();
  await using api = testApi(async (ctx) => {
    if (ctx.lastUserMessage === 'history') {
      ctx.sendMessage(ctx.history.map(({ content }) => content).join('|'));
      return;
    }
    ctx.updateAgentStatus('working');
    await gate.promise;
    ctx.sendMessage('the answer');
  });
  const { body } = await api.post(STREAM, { contact_id: 'c', message: 'question' });
  assert.ok(body);
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  gate.resolve();
  const after = await jsonOf(
    await api.post('/api/v1/chat', { contact_id: 'c', message: 'history' }),
  );
  assert.deepEqual(after['assistant_messages'], ['question|the answer|history']);
});

test('a silent pipeline is heard of', async () => {
  const gate = Promise.withResolvers<void>();
  await using api = testApi(async () => gate.promise, { heartbeatMs: 1 });
  const { body } = await api.post(STREAM, { contact_id: 'c', message: 'Hi' });
  assert.ok(body);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, ': hb\n\n');
  gate.resolve();
  await reader.cancel();
});
