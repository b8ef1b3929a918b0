import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Pipeline, ThreadContext } from 'jims-core';
import { APIError, APIUserAbortError } from 'openai';
import type OpenAI from 'openai';

import { fakeModels } from '../../../../../jims-core/test/support/fake-models.ts';
import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { createGate } from '../../../support/gate.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';
import { talkative } from '../../../support/talkative-pipeline.ts';

type Params = Partial<OpenAI.ChatCompletionCreateParamsStreaming>;
type Chunk = OpenAI.ChatCompletionChunk & { readonly event?: unknown };

function request(content: string, more: Params = {}): OpenAI.ChatCompletionCreateParamsStreaming {
  return { model: 'any', messages: [{ role: 'user', content }], stream: true, ...more };
}

async function chunksOf(client: OpenAI, content: string, more: Params = {}): Promise<Chunk[]> {
  const stream = await client.chat.completions.create(request(content, more));
  return Array.fromAsync(stream);
}

function deltasOf(chunks: readonly Chunk[]): unknown[] {
  return chunks.flatMap(({ choices: [choice] }) => (choice ? [choice.delta.content] : []));
}

/** Two messages that grow at the same time. */
const interleaved: Pipeline = async (ctx: ThreadContext) => {
  const first = createGate();
  const second = createGate();
  async function* left(): AsyncGenerator<string> {
    yield 'left ';
    second.open();
    await first.passed(ctx.signal);
    yield 'end';
  }
  async function* right(): AsyncGenerator<string> {
    await second.passed(ctx.signal);
    yield 'right ';
    first.open();
    yield 'end';
  }
  await Promise.all([ctx.sendMessage(left()), ctx.sendMessage(right())]);
};

describe('a stream of chunks', () => {
  test('begins with the role, has a chunk for each piece, and ends with the reason', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const chunks = await chunksOf(openAiClient(served).client, 'stream');
    assert.deepEqual(
      chunks.map(({ choices }) => choices),
      [
        [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
        [{ index: 0, delta: { content: 'one ' }, finish_reason: null }],
        [{ index: 0, delta: { content: 'two ' }, finish_reason: null }],
        [{ index: 0, delta: { content: 'three' }, finish_reason: null }],
        [{ index: 0, delta: {}, finish_reason: 'stop' }],
      ],
    );
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    assert.ok(chunks.every(({ object, model }) => object.endsWith('.chunk') && model === 'any'));
  });

  test('sends usage on request, in a chunk of its own', async () => {
    await using models = await fakeModels();
    await using served = await serveApp({
      pipeline: (ctx) => ctx.sendMessage(ctx.llm.stream(ctx.history)),
      llm: models.provider({ model: 'gpt-4.1-mini' }),
    });
    const { client } = openAiClient(served);
    const chunks = await chunksOf(client, 'one two', { stream_options: { include_usage: true } });
    const last = chunks.at(-1);
    assert.deepEqual(last?.choices, []);
    assert.ok(last.usage && last.usage.prompt_tokens > 0 && last.usage.completion_tokens > 0);
    const without = await chunksOf(client, 'one two');
    assert.ok(without.every(({ usage }) => usage === undefined));
  });

  test('separates messages by a blank line, and shows statuses in a way that other clients ignore', async () => {
    await using served = await serveApp(talkative);
    const chunks = await chunksOf(openAiClient(served).client, 'go');
    const texts = deltasOf(chunks).join('');
    assert.equal(texts, 'one two three\n\nWhich?\n\nthe end');
    assert.deepEqual(
      chunks.flatMap(({ event, choices }) => (event ? [[event, choices.length]] : [])),
      [
        [{ type: 'status', data: { description: 'Searching…', done: false } }, 0],
        [{ type: 'status', data: { description: 'plain', done: false } }, 0],
        [{ type: 'status', data: { description: 'plain', done: true } }, 0],
      ],
    );
    assert.doesNotMatch(JSON.stringify(chunks), /secret|rag\./);
  });

  test('shows no statuses to clients that cannot use them', async () => {
    await using served = await serveApp(talkative);
    const { client } = openAiClient(served, { defaultHeaders: { 'x-jims-statuses': 'off' } });
    const chunks = await chunksOf(client, 'go');
    assert.ok(chunks.every(({ event, choices }) => event === undefined && choices.length === 1));
  });

  test('sends messages that grow at the same time one after the other', async () => {
    await using served = await serveApp(interleaved);
    const chunks = await chunksOf(openAiClient(served).client, 'go');
    assert.equal(deltasOf(chunks).join(''), 'left end\n\nright end');
  });

  test('reports a failure in the stream, and the client does not retry', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client, answers } = openAiClient(served);
    await assert.rejects(
      chunksOf(client, 'boom'),
      (error) => error instanceof APIError && error.code === 'pipeline_error',
    );
    assert.equal(answers[0]?.status, 200);
    assert.equal(agent.runs, 1);
  });

  test('reports a stopped run as an error, not as an end', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served);
    const { data: stream, response } = await client.chat.completions
      .create(request('wait'))
      .withResponse();
    await served.app.runs.cancel(response.headers.get('x-jims-run-id') ?? '');
    await assert.rejects(
      Array.fromAsync(stream),
      (error) => error instanceof APIError && error.code === 'cancelled',
    );
  });

  test('its Idempotency-Key gives the same stream again', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const { client } = openAiClient(served, { defaultHeaders: { 'idempotency-key': 'k' } });
    const first = await chunksOf(client, 'stream');
    assert.deepEqual(await chunksOf(client, 'stream'), first);
    assert.equal(agent.runs, 1);
  });
});

describe('a client that leaves', () => {
  const ways: Record<string, (stream: AsyncIterable<Chunk>, abort: () => void) => Promise<void>> = {
    async 'by breaking out of its loop'(stream) {
      for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    },
    async 'by its signal'(stream, abort) {
      for await (const { choices } of stream) if (choices[0]?.delta.content) abort();
    },
  };
  for (const [way, leave] of Object.entries(ways)) {
    test(`${way}, stops its run, and what it saw is kept`, async () => {
      const agent = agentPipeline();
      await using served = await serveApp(agent.pipeline);
      const { client } = openAiClient(served);
      const abort = new AbortController();
      const { data: stream, response } = await client.chat.completions
        .create(request('wait'), { signal: abort.signal })
        .withResponse();
      await leave(stream, () => abort.abort());
      await agent.stopped;
      const threadId = response.headers.get('x-jims-thread-id') ?? '';
      await (
        await served.app.runs.active(threadId)
      )?.end;
      const events = (await served.app.threads.events(threadId, { limit: 9, domains: ['comm'] }))
        .events;
      assert.deepEqual(events[1]?.data, {
        role: 'assistant',
        content: 'beginning ',
        partial: true,
      });
    });
  }
});

describe('the helper chat.completions.stream', () => {
  test('puts the whole message together', async () => {
    await using served = await serveApp(talkative);
    const stream = openAiClient(served).client.chat.completions.stream(request('go'));
    const contents: string[] = [];
    stream.on('content', (delta) => contents.push(delta));
    assert.equal(await stream.finalContent(), 'one two three\n\nWhich?\n\nthe end');
    assert.ok(contents.filter(Boolean).length > 3);
    const { choices } = await stream.finalChatCompletion();
    assert.equal(choices[0]?.finish_reason, 'stop');
  });

  test('throws the error of a pipeline', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const stream = openAiClient(served).client.chat.completions.stream(request('boom'));
    await assert.rejects(stream.finalContent(), APIError);
  });

  test('stops the run when it is aborted', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const stream = openAiClient(served).client.chat.completions.stream(request('wait'));
    stream.on('content', (delta) => {
      if (delta !== '') stream.abort();
    });
    await assert.rejects(stream.done(), APIUserAbortError);
    await agent.stopped;
  });
});
