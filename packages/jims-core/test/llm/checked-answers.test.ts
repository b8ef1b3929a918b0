import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { LlmProvider, LlmSettings } from 'jims-core/llm';

import { json, page, wireServer } from '../support/wire-server.ts';
import type { WireServer } from '../support/wire-server.ts';

let server: WireServer;
before(async () => {
  server = await wireServer();
});
after(() => server[Symbol.asyncDispose]());

describe('vectors', () => {
  function llmOf(settings: LlmSettings = {}): LlmProvider {
    const env = { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'k', OLLAMA_API_BASE: server.url };
    return createLlmProvider({ embeddingsDim: 2, retryBaseMs: 1, ...settings }, env);
  }
  const vectors = (...data: readonly object[]): object => ({
    object: 'list',
    data,
    model: 'm',
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });

  for (const [what, data, message] of [
    [
      'an index twice',
      [
        { index: 0, embedding: [1, 2] },
        { index: 0, embedding: [3, 4] },
      ],
      /indexes/,
    ],
    [
      'an index beyond',
      [
        { index: 0, embedding: [1, 2] },
        { index: 2, embedding: [3, 4] },
      ],
      /indexes/,
    ],
    [
      'an index below',
      [
        { index: -1, embedding: [1, 2] },
        { index: 0, embedding: [3, 4] },
      ],
      /indexes/,
    ],
    ['too few', [{ index: 0, embedding: [1, 2] }], /2 texts were sent, and 1 vectors came/],
    ['too many', [0, 1, 2].map((index) => ({ index, embedding: [1, 2] })), /3 vectors came/],
    [
      'another length',
      [0, 1].map((index) => ({ index, embedding: [1, 2, 3] })),
      /3 numbers, and EMBEDDINGS_DIM is 2/,
    ],
    [
      'mixed lengths',
      [
        { index: 0, embedding: [1, 2] },
        { index: 1, embedding: [3] },
      ],
      /1 numbers/,
    ],
  ] as const) {
    test(`${what}: refused, for each provider`, async () => {
      for (const embeddingsModel of ['openai/m', 'ollama/m']) {
        server.answer(json(vectors(...data)));
        await assert.rejects(llmOf({ embeddingsModel }).createEmbeddings(['a', 'b']), {
          code: 'llm_failed',
          message,
        });
      }
    });
  }

  test('without EMBEDDINGS_DIM all have to be of one length, and not empty', async () => {
    const llm = llmOf({ embeddingsDim: 0 });
    server.answer(json(vectors({ index: 0, embedding: [1, 2] }, { index: 1, embedding: [3] })));
    await assert.rejects(llm.createEmbeddings(['a', 'b']), { message: /different lengths/ });
    server.answer(json(vectors({ index: 0, embedding: [] })));
    await assert.rejects(llm.createEmbedding('a'), { code: 'llm_failed' });
    server.answer(json(vectors({ index: 1, embedding: [3, 4] }, { index: 0, embedding: [1, 2] })));
    assert.deepEqual(await llm.createEmbeddings(['a', 'b']), [
      [1, 2],
      [3, 4],
    ]);
  });

  test('vectors in base64 are read', async () => {
    server.answer(json(vectors({ index: 0, embedding: 'AACAPwAAAEA=' })));
    for (const embeddingsModel of ['openai/m', 'ollama/m']) {
      assert.deepEqual(await llmOf({ embeddingsModel }).createEmbedding('a'), [1, 2]);
    }
  });

  test('an error in a 200 is said, and tried again when it may pass', async () => {
    const error = { error: { code: 429, message: 'slow down' } };
    server.answer(json(error), json(vectors({ index: 0, embedding: [1, 2] })));
    assert.deepEqual(await llmOf().createEmbedding('a'), [1, 2]);
    server.answer(json(error));
    await assert.rejects(llmOf().createEmbedding('a'), { message: /slow down .*\(3 tries\)/ });
  });
});

describe('ranked documents', () => {
  const llmOf = (): LlmProvider =>
    createLlmProvider({ retryBaseMs: 1 }, { COHERE_API_BASE: server.url, COHERE_API_KEY: 'k' });
  const DOCUMENTS = ['a', 'b', 'c'];

  test('are sorted, whatever the server does, and no more than wanted', async () => {
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
