import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';
import type { ChatCompletionChunk, ChatCompletionMessageParam } from 'openai/resources';

import { createGate } from '../../support/gate.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

const TALK = 'one two three\n\nWhich?\n\nthe end';

function clientOf({ origin }: ServedApp, options: object = {}): OpenAI {
  return new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'key', ...options });
}

function ask(...contents: string[]): { model: string; messages: ChatCompletionMessageParam[] } {
  const messages = contents.map((content, i) => ({
    role: (contents.length - i) % 2 === 1 ? ('user' as const) : ('assistant' as const),
    content,
  }));
  return { model: 'any', messages };
}

async function chunksOf(
  stream: AsyncIterable<ChatCompletionChunk>,
): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test('an answer is one completion: several messages are one text, buttons their text', async () => {
  await using served = await serveApp(talkative);
  const { data, response } = await clientOf(served)
    .chat.completions.create({ ...ask('hi'), user: 'c:1' })
    .withResponse();
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.model, 'any');
  assert.deepEqual(data.choices[0]?.message, { role: 'assistant', content: TALK, refusal: null });
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.equal(data.usage?.total_tokens, 0);
  const thread = await served.app.latestThread('c:1');
  assert.equal(response.headers.get('x-jims-thread-id'), thread?.thread.id);
  assert.doesNotMatch(JSON.stringify(data), /secret/);
});

test('a stream has the same text in pieces, statuses beside it, and usage for who asks', async () => {
  await using served = await serveApp(talkative);
  const chunks = await chunksOf(
    await clientOf(served).chat.completions.create({
      ...ask('hi'),
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta.content || []);
  assert.ok(deltas.length >= 5, `${deltas.length} pieces`);
  assert.equal(deltas.join(''), TALK);
  assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
  const statuses = chunks.flatMap((chunk) => ('event' in chunk ? [chunk.event] : []));
  assert.deepEqual(
    statuses.map((status) => Object(status).data),
    [
      { description: 'Searching…', done: false },
      { description: 'plain', done: false },
      { description: 'plain', done: true },
    ],
  );
  assert.equal(chunks.at(-1)?.usage?.total_tokens, 0);
  assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop');
  assert.doesNotMatch(JSON.stringify(chunks), /secret/);
});

test('the stream helper takes it', async () => {
  await using served = await serveApp(talkative);
  const runner = clientOf(served).chat.completions.stream(ask('hi'));
  const { choices } = await runner.finalChatCompletion();
  assert.equal(choices[0]?.message.content, TALK);
});

test('a thread that is named goes on, and the history that is sent does not count', async () => {
  await using served = await serveApp((ctx) =>
    ctx.sendMessage(ctx.history.map(({ content }) => content).join('|')),
  );
  const client = clientOf(served);
  const first = await client.chat.completions.create({ ...ask('one'), user: 'c' }).withResponse();
  const thread_id = first.response.headers.get('x-jims-thread-id') ?? '';
  const second = await client.chat.completions.create({
    ...ask('forged', 'history', 'two'),
    user: 'c',
    metadata: { thread_id },
  });
  assert.equal(second.choices[0]?.message.content, 'one|one|two');
  const foreign = client.chat.completions.create({
    ...ask('x'),
    user: 'somebody else',
    metadata: { thread_id },
  });
  await assert.rejects(foreign, OpenAI.NotFoundError);
  const unknown = client.chat.completions.create({ ...ask('x'), metadata: { thread_id: 'nope' } });
  await assert.rejects(unknown, OpenAI.NotFoundError);
});

test("a client's chat is one thread, and an edit forks it", async () => {
  await using served = await serveApp((ctx) =>
    ctx.sendMessage(ctx.history.map(({ content }) => content).join('|')),
  );
  const defaultHeaders = { 'X-OpenWebUI-Chat-Id': 'chat-1', 'X-OpenWebUI-User-Id': 'u1' };
  const client = clientOf(served, { defaultHeaders });
  const say = async (...contents: string[]): Promise<{ text: unknown; thread: string | null }> => {
    const { data, response } = await client.chat.completions
      .create(ask(...contents))
      .withResponse();
    const thread = response.headers.get('x-jims-thread-id');
    return { text: data.choices[0]?.message.content, thread };
  };
  const first = await say('one');
  const second = await say('one', 'reformatted', 'two');
  assert.deepEqual(second, { text: 'one|one|two', thread: first.thread });
  const edited = await say('uno');
  assert.equal(edited.text, 'uno');
  assert.notEqual(edited.thread, first.thread);
  const onward = await say('uno', 'x', 'due');
  assert.deepEqual(onward, { text: 'uno|uno|due', thread: edited.thread });
  const task = await say('### Task:\nGenerate a title');
  assert.notEqual(task.thread, edited.thread);
  assert.equal((await say('uno', 'x', 'due', 'x', 'tre')).thread, edited.thread);
});

test('without any id a request is a new thread that begins with its history', async () => {
  await using served = await serveApp((ctx) =>
    ctx.sendMessage(`${JSON.stringify(ctx.threadConfig)} ${ctx.history.length}`),
  );
  const body = ask('one', 'answer', 'two');
  body.messages.unshift({ role: 'system', content: 'Be brief' });
  const { choices } = await clientOf(served).chat.completions.create(body);
  assert.equal(choices[0]?.message.content, '{"interface":"openai","system_prompt":"Be brief"} 3');
});

test('a failing pipeline is one request and one run, in a stream too', async () => {
  let runs = 0;
  await using served = await serveApp(async (ctx) => {
    runs += 1;
    ctx.updateAgentStatus('about to fail');
    throw new Error('kaboom');
  });
  const client = clientOf(served);
  await assert.rejects(client.chat.completions.create(ask('boom')), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.code, 'pipeline_error');
    assert.doesNotMatch(error.message, /kaboom/);
    return true;
  });
  assert.equal(runs, 1);
  const stream = await client.chat.completions.create({ ...ask('boom'), stream: true });
  await assert.rejects(chunksOf(stream), OpenAI.APIError);
  assert.equal(runs, 2);
});

test('what cannot be understood is a 400, a key that is not known a 401', async () => {
  await using served = await serveApp(talkative, { apiKeys: ['key'] });
  const client = clientOf(served);
  const noUser = client.chat.completions.create({
    model: 'm',
    messages: [{ role: 'assistant', content: 'x' }],
  });
  await assert.rejects(noUser, OpenAI.BadRequestError);
  await assert.rejects(
    client.chat.completions.create({ model: 'm', messages: [] }),
    OpenAI.BadRequestError,
  );
  const stranger = clientOf(served, { apiKey: 'other' });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test('leaving a stream stops the run, and what was seen is kept', async () => {
  const gate = createGate();
  const aborted = Promise.withResolvers<void>();
  await using served = await serveApp(async (ctx) => {
    ctx.signal.addEventListener('abort', () => aborted.resolve());
    await ctx.sendMessage(
      (async function* () {
        yield 'a piece ';
        await gate.passed(ctx.signal);
        yield 'never';
      })(),
    );
  });
  const stream = await clientOf(served).chat.completions.create({
    ...ask('hi'),
    stream: true,
    user: 'c',
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  await aborted.promise;
  const thread = await served.app.latestThread('c');
  assert.ok(thread);
  const ended = await (await served.app.activeRun(thread.thread.id))?.end;
  assert.ok(ended === undefined || ended.type === 'cancelled');
  const events = await served.app.threadEvents(thread.thread.id, { limit: 10 });
  const last = events.at(-1);
  assert.deepEqual(last?.data, { role: 'assistant', content: 'a piece ', partial: true });
});

test('an idempotency key makes a repeated request one run', async () => {
  let runs = 0;
  await using served = await serveApp((ctx) => {
    runs += 1;
    ctx.sendMessage(`run ${runs}`);
  });
  const client = clientOf(served);
  const options = { headers: { 'idempotency-key': 'k1' } };
  const first = await client.chat.completions.create(ask('hi'), options);
  const second = await client.chat.completions.create(ask('hi'), options);
  assert.deepEqual(second.choices, first.choices);
  assert.equal(runs, 1);
});

test('a thread in which too much waits refuses with 429', async () => {
  const gate = createGate();
  await using served = await serveApp(
    async (ctx) => {
      await gate.passed(ctx.signal);
      ctx.sendMessage('done');
    },
    { limits: { queueLimit: 0 } },
  );
  const client = clientOf(served, { maxRetries: 0 });
  const { thread } = await served.app.newThread({ contactId: 'c' });
  const body = { ...ask('hi'), user: 'c', metadata: { thread_id: thread.id } };
  const first = client.chat.completions.create(body);
  const asked = first.then(({ choices }) => choices[0]?.message.content);
  while (!(await served.app.activeRun(thread.id))) await new Promise(setImmediate);
  const second = client.chat.completions.create({ ...body, ...ask('second') });
  await assert.rejects(second, OpenAI.RateLimitError);
  gate.open();
  assert.equal(await asked, 'done');
});

test('the app is the one model', async () => {
  await using served = await serveApp(talkative);
  const client = clientOf(served);
  const models = [];
  for await (const model of client.models.list()) models.push(model);
  assert.equal(models.length, 1);
  const { id } = await client.models.retrieve('anything');
  assert.equal(id, 'anything');
  const alias = new OpenAI({ baseURL: `${served.origin}/openai/v1`, apiKey: 'key' });
  assert.equal((await alias.models.list()).data.length, 1);
});
