// Streams of agent libraries as messages, by the libraries themselves with models of their own for tests.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Document } from '@langchain/core/documents';
import { AIMessageChunk } from '@langchain/core/messages';
import type { AIMessage } from '@langchain/core/messages';
import { BaseRetriever } from '@langchain/core/retrievers';
import { RunnableLambda } from '@langchain/core/runnables';
import { tool as langChainTool } from '@langchain/core/tools';
import type { ToolRuntime } from '@langchain/core/tools';
import { FakeStreamingChatModel } from '@langchain/core/utils/testing';
import { Agent, Runner, setTracingDisabled, tool as agentsTool } from '@openai/agents-core';
import type { Model, StreamEvent } from '@openai/agents-core';
import { stepCountIs, streamText, tool } from 'ai';
import { MockLanguageModelV4, convertArrayToReadableStream } from 'ai/test';
import type { ThreadContext } from 'jims-core';
import { fromLangChain } from 'jims-core/langchain';
import { fromOpenAiAgents } from 'jims-core/openai-agents';
import * as z from 'zod';

import { replayTwice, runPipeline } from '../support/run-pipeline.ts';
import type { PipelineTurn } from '../support/run-pipeline.ts';

test('the fullStream of the AI SDK is a message as it is', async () => {
  const { turn } = await withAiSdk((model) => streamText(requestTo(model)).fullStream);
  assert.deepEqual(toolsOf(turn), [
    'running lookup {"id":7} Looking up the order',
    'completed lookup "at the door" Looking up the order',
    'running lookup {"id":8} Looking up the order',
    'failed lookup no such order Looking up the order',
  ]);
  assert.equal(turn.reasoning, 'I must look\n\nNow I\n\nknow');
  assert.deepEqual(turn.sent.at(-1)?.data, {
    role: 'assistant',
    content: 'One moment.\n\nIt is at the door.',
    sources: [{ url: 'https://shop.example/7', title: 'Order 7' }],
  });
});

test('in a durable app a stream of the AI SDK that is begun when it is read is read once', async () => {
  let calls = 0;
  await replayTwice(
    async (ctx) => {
      const model = aiSdkModel(() => calls++);
      async function* answer(): AsyncGenerator<{ type: string }> {
        yield* streamText(requestTo(model)).fullStream;
      }
      ctx.sendMessage(`${(await ctx.sendMessage(answer())).length} characters`);
    },
    ['Where is it?'],
  );
  assert.equal(calls, 3);
});

test('a stream of the AI SDK that fails, or is aborted, fails the message', async () => {
  const failing = new MockLanguageModelV4({
    doStream: async () => {
      throw new Error('no model');
    },
  });
  const stop = new AbortController();
  for (const [stream, message] of [
    [() => streamText({ model: failing, prompt: 'x', maxRetries: 0, onError() {} }), /no model/],
    [() => streamText({ ...requestTo(aiSdkModel()), abortSignal: stop.signal }), /stop it/],
  ] as const) {
    stop.abort(new Error('stop it'));
    const [turn] = await runPipeline((ctx) => ctx.sendMessage(stream().fullStream), ['hi']);
    assert.ok(turn?.end.type === 'error');
    assert.match(String(turn.end.error.cause), message);
  }
});

test('a streamed run of @openai/agents is a message', async () => {
  setTracingDisabled(true);
  const lookup = agentsTool({
    name: 'lookup',
    description: 'Finds an order',
    parameters: z.object({ id: z.number() }),
    execute: async ({ id }) => `order ${id} is at the door`,
  });
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const agent = new Agent({ name: 'Support', model: agentsModel(), tools: [lookup] });
    const result = await new Runner().run(agent, ctx.lastUserMessage ?? '', { stream: true });
    await ctx.sendMessage(fromOpenAiAgents(result), { keepReasoning: true });
  };
  const [turn] = await runPipeline(pipeline, ['Where is it?']);
  assert.equal(turn?.end.type, 'result');
  assert.deepEqual(toolsOf(turn), [
    'running lookup {"id":7} ',
    'completed lookup "order 7 is at the door" ',
    'running web_search {"q":"door"} ',
    'completed web_search "found" ',
  ]);
  assert.deepEqual(turn.sent.at(-1)?.data, {
    role: 'assistant',
    content: 'One moment.\n\nAt the door.',
    sources: [{ url: 'https://shop.example/7', title: 'Order 7' }],
    reasoning: 'I must look',
  });
  assert.deepEqual(turn.deltas, ['One ', 'moment.', '\n\nAt the ', 'door.']);
});

test('the events of LangChain are a message', async () => {
  const lookup = langChainTool(async ({ id }) => `order ${id} is at the door`, {
    name: 'lookup',
    description: 'Finds an order',
    schema: z.object({ id: z.number() }),
  });
  const broken = langChainTool(
    async (_: unknown, { config }: ToolRuntime) => {
      const inner = new FakeStreamingChatModel({ chunks: [chunk('not the answer')] });
      await inner.invoke('x', config);
      throw new Error('no such order');
    },
    { name: 'broken', description: '', schema: z.object({}) },
  );
  const model = new FakeStreamingChatModel({
    chunks: [
      chunk([{ type: 'reasoning', reasoning: 'I know' }]),
      chunk('At the '),
      chunk([{ type: 'text', text: 'door.' }]),
    ],
  });
  const chain = RunnableLambda.from(async (question: string, config) => {
    await new Shelf().invoke(question, config);
    await lookup.invoke({ id: 7 }, config);
    await broken.invoke({}, config).catch(() => {});
    return model.invoke(question, config);
  });
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const events = chain.streamEvents(ctx.lastUserMessage ?? '', { version: 'v2' });
    await ctx.sendMessage(fromLangChain(events), { keepReasoning: true });
  };
  const [turn] = await runPipeline(pipeline, ['Where is it?']);
  assert.equal(turn?.end.type, 'result');
  assert.deepEqual(toolsOf(turn), [
    'running lookup {"id":7} ',
    'completed lookup "order 7 is at the door" ',
    'running broken {} ',
    'failed broken no such order ',
  ]);
  assert.deepEqual(turn.sent.at(-1)?.data, {
    role: 'assistant',
    content: 'At the door.',
    sources: [{ url: 'https://shop.example/7', title: 'Order 7' }],
    reasoning: 'I know',
  });
});

class Shelf extends BaseRetriever {
  lc_namespace = ['test'];

  override async _getRelevantDocuments(): Promise<Document[]> {
    const web = { source: 'https://shop.example/7', title: 'Order 7' };
    return [
      new Document({ pageContent: 'x', metadata: web }),
      new Document({ pageContent: 'y', metadata: { source: '/tmp/y.txt' } }),
    ];
  }
}

function chunk(content: AIMessage['content']): AIMessageChunk {
  return new AIMessageChunk({ content });
}

function toolsOf(turn: PipelineTurn | undefined): readonly string[] {
  return (turn?.tools ?? []).map(({ status, name, title = '', input, output, error }) => {
    const what = error ?? JSON.stringify(status === 'running' ? input : output);
    return `${status} ${name} ${what} ${title}`;
  });
}

async function withAiSdk(
  stream: (model: MockLanguageModelV4) => AsyncIterable<{ readonly type: string }>,
): Promise<{ readonly turn: PipelineTurn }> {
  const [turn] = await runPipeline((ctx) => ctx.sendMessage(stream(aiSdkModel())), ['hi']);
  assert.equal(turn?.end.type, 'result');
  return { turn };
}

function requestTo(model: MockLanguageModelV4) {
  return {
    model,
    prompt: 'Where is it?',
    stopWhen: stepCountIs(5),
    onError() {},
    tools: {
      lookup: tool({
        title: 'Looking up the order',
        inputSchema: z.object({ id: z.number() }),
        execute: async ({ id }) => {
          if (id === 8) throw new Error('no such order');
          return 'at the door';
        },
      }),
    },
  };
}

function aiSdkModel(onCall: () => void = () => {}): MockLanguageModelV4 {
  const usage = {
    inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 1, text: 1, reasoning: undefined },
  };
  const end = (unified: 'stop' | 'tool-calls') =>
    ({ type: 'finish', usage, finishReason: { unified, raw: undefined } }) as const;
  const call = (id: number) =>
    ({
      type: 'tool-call',
      toolCallId: `call-${id}`,
      toolName: 'lookup',
      input: `{"id":${id}}`,
    }) as const;
  const text = (id: string, ...deltas: string[]) =>
    [
      { type: 'text-start', id },
      ...deltas.map((delta) => ({ type: 'text-delta', id, delta }) as const),
      { type: 'text-end', id },
    ] as const;
  const thought = (id: string, delta: string) =>
    [
      { type: 'reasoning-start', id },
      { type: 'reasoning-delta', id, delta },
      { type: 'reasoning-end', id },
    ] as const;
  const source = { type: 'source', sourceType: 'url', id: 's' } as const;
  const rounds = [
    [...thought('a', 'I must look'), ...text('b', 'One ', 'moment.'), call(7), end('tool-calls')],
    [...thought('c', 'Now I'), ...thought('d', 'know'), call(8), end('tool-calls')],
    [
      { ...source, url: 'https://shop.example/7', title: 'Order 7' },
      { type: 'source', sourceType: 'document', id: 'd', mediaType: 'text/plain', title: 'x' },
      ...text('e', 'It is at ', 'the door.'),
      end('stop'),
    ],
  ] as const;
  let round = 0;
  return new MockLanguageModelV4({
    doStream: async () => {
      onCall();
      const parts = rounds[round++] ?? [];
      return { stream: convertArrayToReadableStream([...parts]) };
    },
  });
}

function agentsModel(): Model {
  const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
  const done = (id: string, output: unknown[]): unknown => ({
    type: 'response_done',
    response: { id, usage, output },
  });
  const reasoning = (delta: string): unknown => ({
    type: 'model',
    event: { type: 'response.reasoning_summary_text.delta', delta },
  });
  const said = (text: string, annotations: unknown[] = []): unknown => ({
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text, providerData: { annotations } }],
  });
  const cited = [{ type: 'url_citation', url: 'https://shop.example/7', title: 'Order 7' }];
  const rounds: unknown[][] = [
    [
      { type: 'response_started' },
      reasoning('I must '),
      reasoning('look'),
      { type: 'output_text_delta', delta: 'One ' },
      { type: 'output_text_delta', delta: 'moment.' },
      done('1', [
        { type: 'reasoning', content: [{ type: 'input_text', text: 'I must look' }] },
        said('One moment.'),
        { type: 'function_call', callId: 'a', name: 'lookup', arguments: '{"id":7}' },
      ]),
    ],
    [
      { type: 'response_started' },
      { type: 'output_text_delta', delta: 'At the ' },
      { type: 'output_text_delta', delta: 'door.' },
      done('2', [
        {
          type: 'hosted_tool_call',
          id: 'w',
          name: 'web_search',
          arguments: '{"q":"door"}',
          output: 'found',
        },
        said('At the door.', cited),
      ]),
    ],
  ];
  let round = 0;
  return {
    async getResponse() {
      throw new Error('it is streamed');
    },
    async *getStreamedResponse() {
      for (const event of rounds[round++] ?? []) yield event as StreamEvent;
    },
  };
}
