import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { fakeModels } from '../support/fake-models.ts';
import type { FakeModels } from '../support/fake-models.ts';
import { countTokens, embed } from '../support/fake-openai/fake-openai.mjs';

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

  test('gives the vector of a text, in the dimensions that are set', async () => {
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

  test('0 dimensions leave them to the model', async () => {
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

  test('a text that is too long is refused, by its index, before anything is sent', async () => {
    const llm = models.provider({ embeddingsMaxTokensPerBatch: 10 });
    await assert.rejects(llm.createEmbeddings(['short', 'far too many words '.repeat(5)]), {
      code: 'llm_input_invalid',
      message: /^Text 1 has \d+ tokens, and an embedding takes fewer than 10: split it$/,
    });
    assert.equal(models.fake.requests.length, 0);
  });

  test('no texts are no request', async () => {
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

describe('rerank', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  const DOCUMENTS = ['the cat sleeps', 'a dog barks', 'the dog and the cat'];

  test('gives documents by how well they answer, and counts a search', async () => {
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

  test('no documents are no request', async () => {
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

  test('another backend is not known', async () => {
    const llm = models.provider({}, { RERANKER_BACKEND: 'jina' });
    await assert.rejects(llm.rerank('cat', DOCUMENTS), {
      code: 'llm_unusable',
      message: /RERANKER_BACKEND is 'jina'/,
    });
  });
});
