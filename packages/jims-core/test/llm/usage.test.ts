import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider, readUsage } from 'jims-core/llm';
import type { ChatMessages, LlmProvider } from 'jims-core/llm';

import { UsageSum } from '../../src/llm/usage.ts';
import { collect } from '../support/fake-models.ts';
import { OPENAI_LIKE, events, json, piece, said, wireServer } from '../support/wire-server.ts';
import type { WireServer } from '../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];

test('a sum of costs has no dust of binary fractions', () => {
  const sum = new UsageSum();
  const call = {
    model: 'm',
    promptTokens: 1,
    completionTokens: 1,
    cachedTokens: 0,
    costUsd: 0.0004,
  };
  for (let n = 0; n < 3; n++) sum.add(call);
  assert.equal(sum.total[0]?.costUsd, 0.0012);
});

describe('costs are right or absent', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  function run(name: string, model: string): LlmProvider {
    const env = OPENAI_LIKE[name]?.(server.url) ?? {
      ANTHROPIC_API_BASE: server.url,
      ANTHROPIC_API_KEY: 'k',
    };
    return createLlmProvider({ model: `${name}/${model}`, tries: 1 }, env);
  }

  const answer = (model: string, usage: unknown): object => ({ ...said('Hello'), model, usage });

  for (const usage of [
    undefined,
    null,
    {},
    { prompt_tokens: null, completion_tokens: null, total_tokens: null },
    { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    { prompt_tokens: 10 },
    { completion_tokens: 10 },
  ]) {
    test(`usage ${JSON.stringify(usage)} has no cost`, async () => {
      for (const name of ['openai', 'azure']) {
        const llm = run(name, 'gpt-4.1-mini');
        server.answer(json(answer('gpt-4.1-mini', usage)));
        await llm.chatCompletionPlain(ASK);
        server.answer(
          events(piece('a', 'stop'), { choices: [], model: 'gpt-4.1-mini', usage }, '[DONE]'),
        );
        await collect(llm.stream(ASK));
        for (const each of llm.usage) assert.equal('costUsd' in each, false, JSON.stringify(each));
      }
    });
  }

  test('a stream that was stopped has no cost', async () => {
    const llm = run('openai', 'gpt-4.1-mini');
    const first = { ...piece('a'), model: 'gpt-4.1-mini' };
    server.answer(events(first, first, piece('b', 'stop'), '[DONE]'));
    for await (const _ of llm.stream(ASK)) break;
    assert.deepEqual(llm.usage, [
      { model: 'gpt-4.1-mini', requests: 1, promptTokens: 0, completionTokens: 0, cachedTokens: 0 },
    ]);
  });

  test('reasoning tokens that are counted beside those of the answer are paid, too', async () => {
    const details = { completion_tokens_details: { reasoning_tokens: 1000 } };
    for (const usage of [
      { prompt_tokens: 10, completion_tokens: 5, total_tokens: 1015, ...details },
      { prompt_tokens: 10, completion_tokens: 5, ...details },
    ]) {
      const llm = run('xai', 'grok-4');
      server.answer(json(answer('grok-4', usage)));
      await llm.chatCompletionPlain(ASK);
      const [sum] = llm.usage;
      assert.equal(sum?.completionTokens, 1005);
      // 3 dollars for a million tokens in, 15 for a million out.
      assert.equal(sum.costUsd?.toFixed(6), '0.015105');
    }
    const inside = run('openai', 'gpt-5-mini');
    const usage = { prompt_tokens: 10, completion_tokens: 1005, total_tokens: 1015, ...details };
    server.answer(json(answer('gpt-5-mini', usage)));
    await inside.chatCompletionPlain(ASK);
    assert.equal(inside.usage[0]?.completionTokens, 1005);
  });

  test('tokens that anthropic writes into its cache cost more', async () => {
    const llm = run('anthropic', 'claude-sonnet-4-5');
    const base = { id: 'm', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5' };
    const usage = {
      input_tokens: 0,
      cache_creation_input_tokens: 100_000,
      cache_read_input_tokens: 0,
      output_tokens: 1,
    };
    server.answer(
      json({ ...base, content: [{ type: 'text', text: 'a' }], stop_reason: 'end_turn', usage }),
    );
    await llm.chatCompletionPlain(ASK);
    assert.equal(llm.usage[0]?.promptTokens, 100_000);
    assert.equal(llm.usage[0].costUsd?.toFixed(3), '0.375');
  });

  test('an impossible cost is ignored', async () => {
    const llm = run('openrouter', 'unknown/model');
    server.answer(
      json(answer('unknown/model', { prompt_tokens: 1, completion_tokens: 1, cost: -1 })),
    );
    await llm.chatCompletionPlain(ASK);
    assert.equal('costUsd' in (llm.usage[0] ?? {}), false);
  });

  test('a search without billed units has no cost', async () => {
    const env = { COHERE_API_BASE: server.url, COHERE_API_KEY: 'k' };
    const llm = createLlmProvider({}, env);
    server.answer(json({ results: [{ index: 0, relevance_score: 0.5 }] }));
    await llm.rerank('x', ['y']);
    assert.equal('costUsd' in (llm.usage[0] ?? {}), false);
  });
});

test('the usage of a run is added up by model, in the order of first use', () => {
  const sum = new UsageSum();
  const call = { promptTokens: 2, completionTokens: 3, cachedTokens: 1 };
  sum.add({ ...call, model: 'b', costUsd: undefined });
  sum.add({ ...call, model: 'a', costUsd: 0.5 });
  sum.add({ ...call, model: 'a', costUsd: undefined });
  assert.deepEqual(sum.total, [
    { ...call, model: 'b', requests: 1 },
    {
      model: 'a',
      requests: 2,
      promptTokens: 4,
      completionTokens: 6,
      cachedTokens: 2,
      costUsd: 0.5,
    },
  ]);
});

test('readUsage leaves out entries of another form', () => {
  const entry = {
    model: 'm',
    requests: 1,
    promptTokens: 1,
    completionTokens: 1,
    cachedTokens: 0,
  };
  assert.deepEqual(readUsage([entry, { model: 'm' }]), [entry]);
  assert.equal(readUsage(undefined), undefined);
});
