import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { LlmProvider, LlmSettings } from 'jims-core/llm';

import { inBatches } from '../../src/llm/embeddings.ts';
import { fakeModels } from '../support/fake-models.ts';
import type { FakeModels } from '../support/fake-models.ts';
import { countTokens, embed } from '../support/fake-openai/fake-openai.mjs';
import { json, wireServer } from '../support/wire-server.ts';
import type { WireServer } from '../support/wire-server.ts';

describe('embeddings', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  function batches(): string[][] {
    return models.fake.requests.map(({ body }) => body.input);
  }

  test('gives a vector in the dimensions that are set', async () => {
    const llm = models.provider({ embeddingsDim: 16 });
    assert.deepEqual(await llm.createEmbedding('hello world'), embed('hello world', 16));
    const { body, path } = models.fake.requests[0] ?? {};
    assert.equal(path, '/v1/embeddings');
    assert.equal(body.model, 'text-embedding-3-large');
    assert.equal(body.dimensions, 16);
    const [usage] = llm.usage;
    assert.equal(usage?.promptTokens, countTokens('hello world'));
    assert.equal(usage.completionTokens, 0);
    assert.ok((usage.costUsd ?? 0) > 0);
  });

  test('with 0 dimensions the model decides', async () => {
    const llm = models.provider({ embeddingsDim: 0 });
    assert.equal((await llm.createEmbedding('x')).length, 3072);
    assert.equal(models.fake.requests[0]?.body.dimensions, undefined);
  });

  test('puts texts into batches by their number, and keeps their order', async () => {
    const llm = models.provider({ embeddingsDim: 8, embeddingsMaxBatchSize: 2 });
    models.fake.reply({ shuffle: true, times: 3 });
    const texts = ['a', 'b', 'c', 'd', 'e'];
    assert.deepEqual(
      await llm.createEmbeddings(texts),
      texts.map((text) => embed(text, 8)),
    );
    assert.deepEqual(batches(), [['a', 'b'], ['c', 'd'], ['e']]);
    assert.equal(llm.usage[0]?.requests, 3);
  });

  test('puts texts into batches by their tokens, which are fewer than their bytes', async () => {
    const llm = models.provider({ embeddingsDim: 8, embeddingsMaxTokensPerBatch: 10 });
    const text = 'international understanding';
    await llm.createEmbeddings([text, text, text, text, text, '<|endoftext|>']);
    for (const batch of batches()) assert.ok(batch.length > 1, inspectBatches());
    assert.equal(batches().flat().length, 6);

    function inspectBatches(): string {
      return JSON.stringify(batches());
    }
  });

  test('text that is too long is refused with its index before anything is sent', async () => {
    const llm = models.provider({ embeddingsMaxTokensPerBatch: 10 });
    await assert.rejects(llm.createEmbeddings(['short', 'far too many words '.repeat(5)]), {
      code: 'llm_input_invalid',
      message: /^Text 1 has \d+ tokens, and an embedding takes fewer than 10: split it$/,
    });
    assert.equal(models.fake.requests.length, 0);
  });

  test('without texts nothing is requested', async () => {
    assert.deepEqual(await models.provider().createEmbeddings([]), []);
    assert.equal(models.fake.requests.length, 0);
  });

  test('a batch that fails is tried again alone', async () => {
    const llm = models.provider({ embeddingsDim: 8, embeddingsMaxBatchSize: 1 });
    models.fake.fail({ status: 500, skip: 1, times: 2 });
    await llm.createEmbeddings(['a', 'b']);
    assert.deepEqual(batches(), [['a'], ['b'], ['b'], ['b']]);
    assert.equal(llm.usage[0]?.requests, 2);
  });

  test('malformed JSON is tried again, a wrong request is not', async () => {
    const llm = models.provider({ embeddingsDim: 8 });
    models.fake.fail({ kind: 'malformed' });
    await llm.createEmbedding('a');
    assert.equal(models.fake.requests.length, 2);
    await assert.rejects(llm.createEmbedding(''), { code: 'llm_failed', message: /400/ });
    assert.equal(models.fake.requests.length, 3);
  });

  test('stopping it ends the request at the provider', async () => {
    const stopped = new AbortController();
    models.fake.fail({ kind: 'hang' });
    const vector = models.provider().createEmbedding('a', { signal: stopped.signal });
    setTimeout(() => stopped.abort(), 50);
    await assert.rejects(vector, { name: 'AbortError' });
    const [sent] = await models.fake.waitForRequests(1);
    assert.equal(sent?.aborted, true);
  });
});

describe('vectors in an answer', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

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
    ['a missing index', [{ index: 1, embedding: [1, 2] }, { embedding: [3, 4] }], /indexes/],
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

  test('indexes may be text', async () => {
    const [first, second] = [
      { index: '1', embedding: [3, 4] },
      { index: '0', embedding: [1, 2] },
    ];
    server.answer(json(vectors(first, second)));
    const llm = llmOf({ embeddingsModel: 'ollama/m' });
    assert.deepEqual(await llm.createEmbeddings(['a', 'b']), [
      [1, 2],
      [3, 4],
    ]);
  });

  test('without EMBEDDINGS_DIM all must have one length, and not be empty', async () => {
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

  test('an error in a 200 is reported, and tried again when it may pass', async () => {
    const error = { error: { code: 429, message: 'slow down' } };
    server.answer(json(error), json(vectors({ index: 0, embedding: [1, 2] })));
    assert.deepEqual(await llmOf().createEmbedding('a'), [1, 2]);
    server.answer(json(error));
    await assert.rejects(llmOf().createEmbedding('a'), { message: /slow down .*\(3 tries\)/ });
  });
});

describe('inBatches', () => {
  test('keeps texts within both limits, and in their order', async () => {
    const limits = { maxTexts: 2, maxTokens: 100 };
    assert.deepEqual(await inBatches(['a', 'b', 'c'], limits), [['a', 'b'], ['c']]);
    assert.deepEqual(await inBatches([], limits), []);
    const words = ['one two three', 'four five six', 'seven'];
    assert.deepEqual(await inBatches(words, { maxTexts: 9, maxTokens: 5 }), [
      ['one two three'],
      ['four five six', 'seven'],
    ]);
  });

  test('refuses what is not a list of strings, and text that is too long by itself', async () => {
    const limits = { maxTexts: 2, maxTokens: 3 };
    for (const [texts, message] of [
      ['a', 'Texts must be an array of strings'],
      [['a', 5], 'Text 1 is not a string'],
      [['a', 'one two three four'], /^Text 1 has 4 tokens/],
    ] as const) {
      const untyped: unknown = texts;
      await assert.rejects(inBatches(untyped as readonly string[], limits), {
        code: 'llm_input_invalid',
        message,
      });
    }
  });
});
