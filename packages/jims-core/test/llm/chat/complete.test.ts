import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { isJimsError } from 'jims-core';
import type { ChatMessages } from 'jims-core/llm';

import { fakeModels } from '../../support/fake-models.ts';
import type { FakeModels } from '../../support/fake-models.ts';
import { countPromptTokens, countTokens } from '../../support/fake-openai/fake-openai.mjs';

const HELLO: ChatMessages = [
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: 'Hello' },
];

describe('chatCompletionPlain', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  test('sends the messages to /chat/completions with the key, and gives the answer as a message', async () => {
    const llm = models.provider({ model: 'gpt-4.1-mini' });
    const answer = await llm.chatCompletionPlain(HELLO, { temperature: 0, maxOutputTokens: 50 });
    assert.deepEqual(answer, { role: 'assistant', content: 'echo: Hello' });
    const [sent] = models.fake.requests;
    assert.equal(sent?.path, '/v1/chat/completions');
    assert.equal(sent.headers['authorization'], 'Bearer key-of-openai');
    assert.deepEqual(sent.body, {
      model: 'gpt-4.1-mini',
      messages: HELLO,
      temperature: 0,
      max_tokens: 50,
    });
  });

  test('counts requests, tokens, cached tokens and cost under the model that answered', async () => {
    await using dated = await fakeModels({
      modelAlias: { 'gpt-4.1-mini': 'gpt-4.1-mini-2025-04-14' },
    });
    const llm = dated.provider({ model: 'gpt-4.1-mini' });
    dated.fake.reply({
      content: 'ok',
      usage: { promptTokens: 1000, completionTokens: 100, cachedTokens: 200 },
      times: 2,
    });
    await llm.chatCompletionPlain(HELLO);
    await llm.chatCompletionPlain(HELLO);
    const [usage, ...others] = llm.usage;
    assert.deepEqual(others, []);
    const { costUsd, ...counts } = usage ?? {};
    assert.deepEqual(counts, {
      model: 'gpt-4.1-mini-2025-04-14',
      requests: 2,
      promptTokens: 2000,
      completionTokens: 200,
      cachedTokens: 400,
    });
    assert.equal(costUsd?.toFixed(6), '0.001000');
  });

  test('leaves the cost out when the price of a model is not known', async () => {
    const llm = models.provider({ model: 'my-own-model' });
    await llm.chatCompletionPlain(HELLO);
    assert.deepEqual(llm.usage, [
      {
        model: 'my-own-model',
        requests: 1,
        promptTokens: countPromptTokens([...HELLO]),
        completionTokens: countTokens('echo: Hello'),
        cachedTokens: 0,
      },
    ]);
  });

  test('sends system messages at their position, and drops unknown members', async () => {
    const llm = models.provider();
    await llm.chatCompletionPlain([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Which?', buttons: [{ text: 'A' }] },
      { role: 'assistant', content: '' },
      { role: 'user', content: 'A' },
      { role: 'system', content: 'Answer now.' },
    ]);
    assert.deepEqual(models.fake.requests[0]?.body.messages, [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Which?' },
      { role: 'user', content: 'A' },
      { role: 'system', content: 'Answer now.' },
    ]);
  });

  test('sends images beside texts', async () => {
    const llm = models.provider();
    const picture = {
      type: 'image_url',
      image_url: { url: 'data:image/png;base64,aGk=' },
    } as const;
    await llm.chatCompletionPlain([
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, picture] },
    ]);
    assert.deepEqual(models.fake.requests[0]?.body.messages[0].content, [
      { type: 'text', text: 'What is it?' },
      picture,
    ]);
  });

  test('refuses a role that no model knows before anything is sent', async () => {
    const llm = models.provider();
    await assert.rejects(llm.chatCompletionPlain([{ role: 'narrator', content: 'Once' }]), {
      code: 'llm_input_invalid',
      message: /narrator/,
    });
    await assert.rejects(llm.chatCompletionPlain([]), { code: 'llm_input_invalid' });
    assert.equal(models.fake.requests.length, 0);
  });

  test('setModel changes the model of what follows, `model` that of one call', async () => {
    const llm = models.provider({ model: 'one' });
    await llm.chatCompletionPlain(HELLO);
    llm.setModel('two');
    await llm.chatCompletionPlain(HELLO, { model: 'three' });
    await llm.chatCompletionPlain(HELLO);
    assert.deepEqual(
      models.fake.requests.map(({ body }) => body.model),
      ['one', 'three', 'two'],
    );
    assert.deepEqual(
      llm.usage.map(({ model, requests }) => [model, requests]),
      [
        ['one', 1],
        ['three', 1],
        ['two', 1],
      ],
    );
  });

  test('each run has its own model, usage and signal', async () => {
    const provider = models.provider({ model: 'one' });
    const stopped = new AbortController();
    const run = provider.forRun({ signal: stopped.signal });
    run.setModel('two');
    await run.chatCompletionPlain(HELLO);
    await provider.forRun({}).chatCompletionPlain(HELLO);
    assert.deepEqual(
      models.fake.requests.map(({ body }) => body.model),
      ['two', 'one'],
    );
    assert.deepEqual(
      run.usage.map(({ model }) => model),
      ['two'],
    );
    assert.deepEqual(provider.usage, []);
    stopped.abort();
    await assert.rejects(run.chatCompletionPlain(HELLO), { name: 'AbortError' });
  });

  test('an answer without usage counts as a request', async () => {
    const llm = models.provider();
    models.fake.reply({ content: 'ok', omitUsage: true });
    await llm.chatCompletionPlain(HELLO);
    assert.deepEqual(
      llm.usage.map(({ requests, promptTokens }) => [requests, promptTokens]),
      [[1, 0]],
    );
  });

  test('an error of the provider has its status and no prompt', async () => {
    const llm = models.provider({ model: 'gpt-4.1-mini' });
    models.fake.fail({ status: 401 });
    const secret = 'my-secret-diagnosis';
    const error: unknown = await llm
      .chatCompletionPlain([{ role: 'user', content: secret }])
      .catch((thrown: unknown) => thrown);
    assert.ok(isJimsError(error));
    assert.equal(error.code, 'llm_failed');
    assert.match(error.message, /gpt-4\.1-mini: answered 401: Incorrect API key/);
    assert.ok(error.cause instanceof Error);
    assert.equal(error.cause.name, 'AI_APICallError');
    assert.equal('statusCode' in error.cause && error.cause.statusCode, 401);
    const { inspect } = await import('node:util');
    assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), new RegExp(secret));
  });
});
