import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import type { ChatMessages, LlmProvider } from 'jims-core/llm';

import { fakeModels } from '../support/fake-models.ts';
import type { FakeModels } from '../support/fake-models.ts';

const HELLO: ChatMessages = [{ role: 'user', content: 'Hello' }];

describe('retries', () => {
  let models: FakeModels;
  let llm: LlmProvider;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => {
    models.fake.reset();
    llm = models.provider();
  });
  after(() => models[Symbol.asyncDispose]());

  test('500 twice and then an answer: three requests, one counted', async () => {
    models.fake.fail({ status: 500, times: 2 });
    const { content } = await llm.chatCompletionPlain(HELLO);
    assert.equal(content, 'echo: Hello');
    assert.equal(models.fake.requests.length, 3);
    assert.deepEqual(
      llm.usage.map(({ requests }) => requests),
      [1],
    );
  });

  test('after three failures the last one is reported', async () => {
    models.fake.fail({ status: 503, times: 3 });
    await assert.rejects(llm.chatCompletionPlain(HELLO), {
      code: 'llm_failed',
      message: /answered 503: .* \(3 tries\)/,
    });
    assert.equal(models.fake.requests.length, 3);
    assert.deepEqual(llm.usage, []);
  });

  test('a long error text of a provider is cut', async () => {
    models.fake.fail({ status: 400, message: 'x'.repeat(1_000_000) });
    await assert.rejects(llm.chatCompletionPlain(HELLO), {
      code: 'llm_failed',
      message: /answered 400: x{1000}… \(999000 more characters\)$/,
    });
  });

  for (const status of [408, 409, 429, 502]) {
    test(`${status} is tried again`, async () => {
      models.fake.fail({ status });
      await llm.chatCompletionPlain(HELLO);
      assert.equal(models.fake.requests.length, 2);
    });
  }

  for (const status of [400, 401, 403, 404, 422]) {
    test(`${status} is not tried again`, async () => {
      models.fake.fail({ status });
      await assert.rejects(llm.chatCompletionPlain(HELLO), { code: 'llm_failed' });
      assert.equal(models.fake.requests.length, 1);
    });
  }

  test('429 waits as long as Retry-After says', async () => {
    const slow = models.provider({ retryBaseMs: 3_600_000 });
    models.fake.fail({ status: 429, retryAfter: 1 });
    await slow.chatCompletionPlain(HELLO);
    const [first, second] = models.fake.requests.map(({ at }) => Date.parse(at));
    assert.ok(first !== undefined && second !== undefined && second - first >= 1000);
  });

  test('Retry-After may be a date, and retry-after-ms goes before it', async () => {
    const slow = models.provider({ retryBaseMs: 3_600_000 });
    const date = new Date(Date.now() - 1000).toUTCString();
    models.fake.fail(
      { status: 429, retryAfter: date },
      { status: 429, retryAfter: 50, retryAfterMs: 1 },
    );
    await slow.chatCompletionPlain(HELLO);
    assert.equal(models.fake.requests.length, 3);
  });

  test('a Retry-After of more than a minute fails the call at once', async () => {
    models.fake.fail({ status: 429, retryAfter: 3600 });
    await assert.rejects(llm.chatCompletionPlain(HELLO), { code: 'llm_failed', message: /429/ });
    assert.equal(models.fake.requests.length, 1);
  });

  test('a wait ends when the call is stopped', async () => {
    const slow = models.provider({ retryBaseMs: 3_600_000 });
    const stopped = new AbortController();
    models.fake.fail({ status: 429, retryAfter: 30 });
    const answer = slow.chatCompletionPlain(HELLO, { signal: stopped.signal });
    await models.fake.waitForRequests(1);
    setTimeout(() => stopped.abort(), 10);
    await assert.rejects(answer, { name: 'AbortError' });
    assert.equal(models.fake.requests.length, 1);
  });

  for (const kind of ['reset', 'malformed', 'empty', 'nochoices', 'html'] as const) {
    test(`an answer that is ${kind} is tried again`, async () => {
      models.fake.fail({ kind });
      const { content } = await llm.chatCompletionPlain(HELLO);
      assert.equal(content, 'echo: Hello');
      assert.equal(models.fake.requests.length, 2);
    });
  }

  test('malformed JSON three times is an error that does not quote it', async () => {
    models.fake.fail({ kind: 'malformed', body: '{"choices": "my-secret', times: 3 });
    const error: unknown = await llm.chatCompletionPlain(HELLO).catch((thrown: unknown) => thrown);
    assert.match(inspect(error), /llm_failed/);
    assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /my-secret/);
  });

  test('no answer in time is tried again, and the provider sees the first call end', async () => {
    models.fake.fail({ kind: 'hang' });
    const { content } = await llm.chatCompletionPlain(HELLO, { timeoutMs: 200 });
    assert.equal(content, 'echo: Hello');
    const [first] = await models.fake.waitForRequests(2);
    assert.equal(first?.aborted, true);
  });

  test('no answer in time three times says so', async () => {
    models.fake.fail({ kind: 'hang', times: 3 });
    await assert.rejects(llm.chatCompletionPlain(HELLO, { timeoutMs: 50 }), {
      code: 'llm_failed',
      message: /nothing arrived within 50 ms \(3 tries\)/,
    });
  });

  test('an address without a server is tried again, then reported', async () => {
    await using gone = await fakeModels();
    await gone.fake.close();
    await assert.rejects(gone.provider().chatCompletionPlain(HELLO), {
      code: 'llm_failed',
      message: /ECONNREFUSED.* \(3 tries\)/,
    });
  });

  test('stopping a call ends the request at the provider', async () => {
    const stopped = new AbortController();
    models.fake.fail({ kind: 'hang' });
    const answer = llm.chatCompletionPlain(HELLO, { signal: stopped.signal });
    answer.catch(() => {});
    while (models.fake.requests.length === 0) await sleep(5);
    stopped.abort();
    await assert.rejects(answer, { name: 'AbortError' });
    const [sent] = await models.fake.waitForRequests(1);
    assert.equal(sent?.aborted, true);
    assert.equal(models.fake.requests.length, 1);
  });
});
