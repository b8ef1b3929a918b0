// The loop with the providers' own packages: streams with calls, and what goes back to the provider.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { AnswerPart, ChatMessage, LlmProvider, RunAnswer } from 'jims-core/llm';
import * as v from 'valibot';

import { fakeModels } from '../../support/fake-models.ts';
import type { FakeModels } from '../../support/fake-models.ts';
import { events, wireServer } from '../../support/wire-server.ts';
import type { WireServer } from '../../support/wire-server.ts';

const tools = {
  f: {
    description: 'Looks up',
    schema: v.object({ id: v.string() }),
    execute: ({ id }: { readonly id: string }) => `found ${id}`,
  },
};
const ASK: ChatMessage = { role: 'user', content: 'Find 7' };

async function partsOf(answer: RunAnswer): Promise<AnswerPart[]> {
  const parts: AnswerPart[] = [];
  for await (const part of answer) parts.push(part);
  return parts;
}

const typesOf = (parts: readonly AnswerPart[]): string[] => parts.map(({ type }) => type);
const textOf = (parts: readonly AnswerPart[]): string =>
  parts.map((part) => (part.type === 'text' ? part.text : '')).join('');

describe("a server that speaks OpenAI's API", () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  test('outside of a run: as many requests as rounds, all of them counted', async () => {
    const llm = models.provider();
    models.fake.reply(
      { toolCalls: [{ id: 'c1', name: 'f', arguments: { id: '7' } }] },
      'It is there.',
    );
    const answer = llm.run([ASK], { tools, temperature: 0 });
    const parts = await partsOf(answer);
    assert.deepEqual(typesOf(parts).slice(0, 3), ['tool-call', 'tool-result', 'text']);
    assert.equal(textOf(parts), 'It is there.');
    assert.equal(answer.finishReason, 'stop');
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"id":"7"}' } };
    const back = [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: 'found 7' },
    ];
    assert.deepEqual(answer.messages, [...back, { role: 'assistant', content: 'It is there.' }]);
    const [first, second] = models.fake.requests;
    assert.equal(models.fake.requests.length, 2);
    assert.equal(first?.body.stream, true);
    assert.equal(first.body.temperature, 0);
    assert.equal(first.body.tools[0].function.parameters.properties.id.type, 'string');
    assert.deepEqual(second?.body.messages, [ASK, ...back]);
    assert.deepEqual(
      llm.usage.map(({ requests }) => requests),
      [2],
    );
  });

  test('a broken answer is tried again before its first piece, also one with calls alone', async () => {
    models.fake.reply(
      { toolCalls: [{ id: 'c1', name: 'f', arguments: { id: '7' } }] },
      'It is there.',
    );
    models.fake.fail({ status: 500 }, { kind: 'truncate', after: 1 });
    const parts = await partsOf(models.provider().run([ASK], { tools }));
    assert.equal(textOf(parts), 'It is there.');
  });

  test('without tools it is a stream with what the model thinks', async () => {
    models.fake.reply('Hello.');
    assert.deepEqual(textOf(await partsOf(models.provider().run([ASK]))), 'Hello.');
    assert.equal('tools' in (models.fake.requests[0]?.body ?? {}), false);
  });

  test('stopping it ends the tool, and nothing is asked any more', async () => {
    const stop = new AbortController();
    const wait = {
      description: 'Waits',
      execute: (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          stop.abort(new Error('enough'));
        }),
    };
    models.fake.reply({ toolCalls: [{ name: 'wait', arguments: {} }] }, 'never');
    const answer = models.provider().run([ASK], { tools: { wait }, signal: stop.signal });
    await assert.rejects(answer.text(), { message: 'enough' });
    assert.equal(models.fake.requests.length, 1);
  });
});

describe('pairs of calls and results', () => {
  const call = (id: string): ChatMessage => ({
    role: 'assistant',
    content: '',
    tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }],
  });
  const result = (id: string, content: string): ChatMessage => ({
    role: 'tool',
    tool_call_id: id,
    content,
  });
  const said: ChatMessage = { role: 'assistant', content: 'Shall I?' };
  const gone = '{"error":"The call was interrupted: nobody knows what came of it"}';

  for (const [what, messages, sent] of [
    ['a result without its call is left out', [result('a', 'x'), ASK], [ASK]],
    ['a call without its result gets one', [call('a'), ASK], [call('a'), result('a', gone), ASK]],
    [
      'a late result comes to its call',
      [call('a'), said, ASK, result('a', 'x')],
      [call('a'), result('a', 'x'), said, ASK],
    ],
    [
      'ids come again: a result is of the newest call before it, the first one counts',
      [call('a'), result('a', '1'), call('a'), result('a', '2'), result('a', '3'), ASK],
      [call('a'), result('a', '1'), call('a'), result('a', '2'), ASK],
    ],
  ] as const) {
    test(what, async () => {
      await using models = await fakeModels();
      await models.provider().chatCompletionPlain(messages);
      const asSent = sent.map((message) =>
        'tool_calls' in message ? Object.assign({}, message, { content: null }) : message,
      );
      assert.deepEqual(models.fake.requests[0]?.body.messages, asSent);
    });
  }
});

describe('what a provider wants back', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const llmOf = (model: string): LlmProvider =>
    createLlmProvider(
      { model, retryBaseMs: 1, servers: { house: { baseUrl: server.url } } },
      {
        ANTHROPIC_API_BASE: server.url,
        ANTHROPIC_API_KEY: 'k',
        GEMINI_API_BASE: server.url,
        GEMINI_API_KEY: 'k',
      },
    );

  test("openai-compatible: thoughts, put together from a stream's pieces", async () => {
    const chunk = (delta: object, finish_reason: string | null = null): object => ({
      id: 'a1',
      model: 'm',
      choices: [{ index: 0, delta, finish_reason }],
    });
    const detail = (text: string): object => ({ type: 'reasoning.text', index: 0, text });
    const called = { name: 'f', arguments: '{"id":' };
    server.answer(
      events(
        chunk({ role: 'assistant', reasoning: 'I need ', reasoning_details: [detail('I need ')] }),
        chunk({ reasoning: 'f.', reasoning_details: [{ ...detail('f.'), signature: 's' }] }),
        chunk({ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: called }] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '"7"}' } }] }, 'tool_calls'),
        '[DONE]',
      ),
      events(chunk({ content: 'ok' }, 'stop'), '[DONE]'),
    );
    const parts = await partsOf(llmOf('house/m').run([ASK], { tools }));
    assert.deepEqual(parts.slice(0, 2), [
      { type: 'reasoning', text: 'I need ' },
      { type: 'reasoning', text: 'f.' },
    ]);
    assert.deepEqual(typesOf(parts.slice(2)), ['tool-call', 'tool-result', 'text']);
    assert.deepEqual(server.requests[1]?.body.messages.slice(1), [
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"id":"7"}' } },
        ],
        reasoning: 'I need f.',
        reasoning_details: [{ ...detail('I need f.'), signature: 's' }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'found 7' },
    ]);
  });

  test('anthropic: thinking and its signature, hidden thinking, the text and the call', async () => {
    const start = {
      type: 'message_start',
      message: {
        id: 'm',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        usage: { input_tokens: 10, output_tokens: 1 },
      },
    };
    const block = (
      index: number,
      content_block: object,
      ...deltas: readonly object[]
    ): object[] => [
      { type: 'content_block_start', index, content_block },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ];
    const end = (stop_reason: string): object[] => [
      { type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 5 } },
      { type: 'message_stop' },
    ];
    server.answer(
      events(
        start,
        ...block(
          0,
          { type: 'thinking', thinking: '', signature: '' },
          { type: 'thinking_delta', thinking: 'I need ' },
          { type: 'thinking_delta', thinking: 'f.' },
          { type: 'signature_delta', signature: 'sig-1' },
        ),
        ...block(1, { type: 'redacted_thinking', data: 'secret' }),
        ...block(2, { type: 'text', text: '' }, { type: 'text_delta', text: 'Let me see.' }),
        ...block(
          3,
          { type: 'tool_use', id: 't1', name: 'f', input: {} },
          { type: 'input_json_delta', partial_json: '{"id":' },
          { type: 'input_json_delta', partial_json: '"7"}' },
        ),
        ...end('tool_use'),
      ),
      events(
        start,
        ...block(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'ok' }),
        ...end('end_turn'),
      ),
    );
    const answer = llmOf('anthropic/m').run([ASK], { tools });
    const parts = await partsOf(answer);
    assert.equal(textOf(parts), 'Let me see.\n\nok');
    assert.equal(
      parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join(''),
      'I need f.',
    );
    const [, assistant, user] = server.requests[1]?.body.messages ?? [];
    assert.deepEqual(assistant, {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'I need f.', signature: 'sig-1' },
        { type: 'redacted_thinking', data: 'secret' },
        { type: 'text', text: 'Let me see.' },
        { type: 'tool_use', id: 't1', name: 'f', input: { id: '7' } },
      ],
    });
    assert.deepEqual(user.content[0].tool_use_id, 't1');
    // What is kept is plain JSON.
    assert.deepEqual(JSON.parse(JSON.stringify(answer.messages)), answer.messages);
  });

  test('gemini: the signature of a call', async () => {
    const answer = (...parts: readonly object[]): object => ({
      candidates: [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
    });
    const call = { functionCall: { name: 'f', args: { id: '7' } }, thoughtSignature: 'sig-1' };
    server.answer(events(answer(call)), events(answer({ text: 'ok' })));
    const parts = await partsOf(llmOf('gemini/m').run([ASK], { tools }));
    assert.deepEqual(typesOf(parts), ['tool-call', 'tool-result', 'text']);
    const [, model, user] = server.requests[1]?.body.contents ?? [];
    assert.equal(model.parts[0].thoughtSignature, 'sig-1');
    assert.deepEqual(model.parts[0].functionCall.args, { id: '7' });
    assert.equal(user.parts[0].functionResponse.name, 'f');
  });

  test('after maxRounds: no provider is given a call to make', async () => {
    const call = { functionCall: { name: 'f', args: { id: '7' } } };
    const answer = (...parts: readonly object[]): object => ({
      candidates: [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }],
    });
    server.answer(events(answer(call)), events(answer({ text: 'ok' })));
    await llmOf('gemini/m').run([ASK], { tools, maxRounds: 1 }).text();
    assert.equal(server.requests[1]?.body.toolConfig.functionCallingConfig.mode, 'NONE');
  });
});
