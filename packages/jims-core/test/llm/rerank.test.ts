import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { LlmProvider } from 'jims-core/llm';

import { fakeModels } from '../support/fake-models.ts';
import type { FakeModels } from '../support/fake-models.ts';
import { json, page, wireServer } from '../support/wire-server.ts';
import type { WireServer } from '../support/wire-server.ts';

describe('rerank', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  const DOCUMENTS = ['the cat sleeps', 'a dog barks', 'the dog and the cat'];

  test('sorts documents by how well they answer, and counts a search', async () => {
    const llm = models.provider();
    const ranked = await llm.rerank('dog cat', DOCUMENTS, { topN: 2 });
    assert.deepEqual(ranked.map(({ index, text }) => [index, text])[0], [2, 'the dog and the cat']);
    assert.equal(ranked.length, 2);
    const [sent] = models.fake.requests;
    assert.equal(sent?.path, '/v2/rerank');
    assert.equal(sent.headers['authorization'], 'Bearer key-of-cohere');
    assert.deepEqual(sent.body, {
      model: 'rerank-v3.5',
      query: 'dog cat',
      documents: DOCUMENTS,
      top_n: 2,
    });
    assert.deepEqual(llm.usage, [
      {
        model: 'rerank-v3.5',
        requests: 1,
        promptTokens: 0,
        completionTokens: 0,
        cachedTokens: 0,
        costUsd: 0.002,
      },
    ]);
  });

  test('without documents nothing is requested', async () => {
    assert.deepEqual(await models.provider().rerank('x', []), []);
    assert.equal(models.fake.requests.length, 0);
  });

  test('500 twice and then an answer; malformed JSON and a reset, too', async () => {
    const llm = models.provider({ tries: 5 });
    models.fake.fail({ status: 500, times: 2 }, { kind: 'malformed' }, { kind: 'reset' });
    await llm.rerank('cat', DOCUMENTS);
    assert.equal(models.fake.requests.length, 5);
  });

  test('an error of the provider is reported', async () => {
    models.fake.fail({ status: 401 });
    await assert.rejects(models.provider().rerank('cat', DOCUMENTS), {
      code: 'llm_failed',
      message: /rerank-v3\.5: answered 401/,
    });
  });

  test('another backend is refused', async () => {
    const llm = models.provider({}, { RERANKER_BACKEND: 'jina' });
    await assert.rejects(llm.rerank('cat', DOCUMENTS), {
      code: 'llm_unusable',
      message: /RERANKER_BACKEND is 'jina'/,
    });
  });
});

describe('ranked documents in an answer', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const llmOf = (): LlmProvider =>
    createLlmProvider({ retryBaseMs: 1 }, { COHERE_API_BASE: server.url, COHERE_API_KEY: 'k' });
  const DOCUMENTS = ['a', 'b', 'c'];

  test('are sorted, whatever their order, and no more than requested', async () => {
    const results = [
      { index: 0, relevance_score: 0.1 },
      { index: 2, relevance_score: 0.9 },
      { index: 1, relevance_score: 0.5 },
    ];
    server.answer(json({ results }));
    const ranked = await llmOf().rerank('x', DOCUMENTS);
    assert.deepEqual(ranked, [
      { index: 2, score: 0.9, text: 'c' },
      { index: 1, score: 0.5, text: 'b' },
      { index: 0, score: 0.1, text: 'a' },
    ]);
    assert.equal((await llmOf().rerank('x', DOCUMENTS, { topN: 2 })).length, 2);
    assert.equal((await llmOf().rerank('x', DOCUMENTS, { topN: 9 })).length, 3);
    assert.equal(server.requests.at(-1)?.body.top_n, 3);
  });

  for (const [what, body, message] of [
    ['an error', { message: 'invalid api token' }, /invalid api token/],
    ['something else', { id: 'x' }, /the answer has no results/],
    ['an index beyond', { results: [{ index: 7, relevance_score: 1 }] }, /not a document/],
    [
      'an index that is a half',
      { results: [{ index: 0.5, relevance_score: 1 }] },
      /not a document/,
    ],
    ['no index', { results: [{ relevance_score: 1 }] }, /not a document/],
    ['no score', { results: [{ index: 0 }] }, /not a document/],
    ['nothing', { results: [] }, /3 documents were wanted, and the answer has 0/],
    ['too little', { results: [{ index: 0, relevance_score: 1 }] }, /the answer has 1/],
    [
      'a document twice',
      { results: [0, 0].map((index) => ({ index, relevance_score: 1 })) },
      /twice/,
    ],
  ] as const) {
    test(`${what} in a 200 is not an answer, and costs nothing`, async () => {
      const llm = llmOf();
      server.answer(json(body));
      await assert.rejects(llm.rerank('x', DOCUMENTS), { code: 'llm_failed', message });
      assert.deepEqual(llm.usage, []);
    });
  }

  for (const topN of [0, -1, Number.NaN]) {
    test(`topN ${topN} is refused`, async () => {
      await assert.rejects(llmOf().rerank('x', DOCUMENTS, { topN }), { code: 'llm_input_invalid' });
    });
  }

  test('a page is not an answer', async () => {
    server.answer(page('<html>Log in</html>'));
    await assert.rejects(llmOf().rerank('x', DOCUMENTS), {
      message: /answered text\/html instead of JSON/,
    });
    assert.equal(server.requests.length, 1);
  });
});
