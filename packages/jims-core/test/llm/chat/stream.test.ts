import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import type { ChatMessages, LlmProvider } from 'jims-core/llm';

import { collect, fakeModels } from '../../support/fake-models.ts';
import type { FakeModels } from '../../support/fake-models.ts';
import { countPromptTokens, countTokens } from '../../support/fake-openai/fake-openai.mjs';

const COUNT: ChatMessages = [{ role: 'user', content: 'one two three' }];

describe('stream', () => {
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

  test('gives the pieces as they come, and counts the usage at the end', async () => {
    const { pieces, error } = await collect(llm.stream(COUNT));
    assert.equal(error, undefined);
    assert.deepEqual(pieces, ['echo:', ' one', ' two', ' three']);
    const [sent] = models.fake.requests;
    assert.equal(sent?.body.stream, true);
    assert.deepEqual(sent.body.stream_options, { include_usage: true });
    assert.deepEqual(
      llm.usage.map(({ requests, promptTokens, completionTokens }) => [
        requests,
        promptTokens,
        completionTokens,
      ]),
      [[1, countPromptTokens([...COUNT]), countTokens('echo: one two three')]],
    );
  });

  test('sends nothing before it is read', async () => {
    llm.stream(COUNT);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(models.fake.requests.length, 0);
  });

  test('an error before the first piece is tried again', async () => {
    models.fake.fail(
      { status: 500 },
      { kind: 'streamerror', after: 0 },
      { kind: 'reset', skip: 0 },
    );
    const patient = models.provider({ tries: 4 });
    const { pieces, error } = await collect(patient.stream(COUNT));
    assert.equal(error, undefined);
    assert.equal(pieces.join(''), 'echo: one two three');
    assert.equal(models.fake.requests.length, 4);
  });

  for (const kind of ['truncate', 'streamerror', 'badevent'] as const) {
    test(`${kind} after the first piece ends the stream with an error, and is not tried again`, async () => {
      models.fake.fail({ kind, after: 3 });
      const { pieces, error } = await collect(llm.stream(COUNT));
      assert.deepEqual(pieces, ['echo:', ' one']);
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'llm_failed');
      assert.equal(models.fake.requests.length, 1);
      assert.deepEqual(
        llm.usage.map(({ requests, completionTokens }) => [requests, completionTokens]),
        [[1, 0]],
      );
    });
  }

  test('a stream that ends before the answer is complete is an error, not a short answer', async () => {
    models.fake.fail({ kind: 'truncate', after: 1, times: 3 });
    const { pieces, error } = await collect(llm.stream(COUNT));
    assert.deepEqual(pieces, []);
    assert.ok(error instanceof Error && 'code' in error && error.code === 'llm_failed');
    assert.equal(models.fake.requests.length, 3);
  });

  test('a pause that is too long ends it', async () => {
    await using slow = await fakeModels({ tokenDelayMs: 5000 });
    const { error } = await collect(slow.provider({ tries: 1 }).stream(COUNT, { timeoutMs: 100 }));
    assert.ok(error instanceof Error);
    assert.match(error.message, /nothing arrived within 100 ms/);
    const [sent] = await slow.fake.waitForRequests(1);
    assert.equal(sent?.aborted, true);
  });

  test('stopping it ends the request at the provider and the stream of the reader', async () => {
    await using slow = await fakeModels({ tokenDelayMs: 30 });
    const stopped = new AbortController();
    const long: ChatMessages = [{ role: 'user', content: `!say ${'word '.repeat(300)}` }];
    const pieces: string[] = [];
    await assert.rejects(
      async () => {
        for await (const piece of slow.provider().stream(long, { signal: stopped.signal })) {
          pieces.push(piece);
          if (pieces.length === 2) stopped.abort();
        }
      },
      { name: 'AbortError' },
    );
    assert.equal(pieces.length, 2);
    const [sent] = await slow.fake.waitForRequests(1);
    assert.equal(sent?.aborted, true);
    assert.equal(slow.fake.requests.length, 1);
  });

  test('a reader that leaves ends the request at the provider', async () => {
    await using slow = await fakeModels({ tokenDelayMs: 30 });
    const long: ChatMessages = [{ role: 'user', content: `!say ${'word '.repeat(300)}` }];
    for await (const piece of slow.provider().stream(long)) {
      assert.ok(piece);
      break;
    }
    const [sent] = await slow.fake.waitForRequests(1);
    assert.equal(sent?.aborted, true);
  });
});
