import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { isJimsError } from 'jims-core';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider } from 'jims-core/llm';

import { finishReasonOf } from '../../../src/llm/chat/finish-reason.ts';
import { collect } from '../../support/fake-models.ts';
import { events, json, piece, said, wireServer } from '../../support/wire-server.ts';
import type { WireServer } from '../../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];

describe('how an answer ended', () => {
  let server: WireServer;
  let llm: LlmProvider;
  before(async () => {
    server = await wireServer();
    const servers = { house: { baseUrl: `${server.url}/v1` } };
    llm = createLlmProvider({ model: 'house/m', servers, retryBaseMs: 1 }, {});
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [wire, reason] of [
    ['stop', 'stop'],
    ['length', 'length'],
    ['max_tokens', 'length'],
    ['content_filter', 'content_filter'],
    ['sensitive', 'content_filter'],
    ['eos', 'other'],
  ] as const) {
    test(`'${wire}' is '${reason}' on a message, beside tool calls, and after a stream`, async () => {
      server.answer(json(said('Some words', {}, wire)));
      const message = await llm.chatCompletionPlain(ASK);
      assert.equal(message.finishReason, reason);
      // What is stored or sent is a message and nothing more.
      assert.deepEqual(JSON.parse(JSON.stringify(message)), {
        role: 'assistant',
        content: 'Some words',
      });
      const answer = await llm.chatCompletionWithTools(ASK, []);
      assert.equal(answer.finishReason, reason);
      assert.equal(answer.message.finishReason, reason);
      server.answer(events(piece('Some words', wire), '[DONE]'));
      const stream = llm.stream(ASK);
      assert.equal(stream.finishReason, undefined);
      assert.deepEqual(await collect(stream), { pieces: ['Some words'], error: undefined });
      assert.equal(stream.finishReason, reason);
    });
  }

  test('a refusal differs from an answer', async () => {
    server.answer(json(said(null, { refusal: 'I cannot help with that.' })));
    const { content, finishReason } = await llm.chatCompletionPlain(ASK);
    assert.equal(content, 'I cannot help with that.');
    assert.equal(finishReason, 'content_filter');
  });

  test('a stream that is left early has no finish reason', async () => {
    server.answer(events(piece('a'), piece('b', 'stop'), '[DONE]'));
    const stream = llm.stream(ASK);
    for await (const _ of stream) break;
    assert.equal(stream.finishReason, undefined);
  });

  for (const [wire, message, tries] of [
    ['stop', /The answer of house\/m is empty$/, 3],
    ['length', /is empty: it was cut off at its maximum length/, 1],
    ['content_filter', /is empty: a content filter stopped it/, 1],
  ] as const) {
    test(`an empty answer that ended with '${wire}' is an error, not a message`, async () => {
      for (const content of [null, '', ' \n']) {
        server.answer(json(said(content, { reasoning_content: 'hm' }, wire)));
        await assert.rejects(llm.chatCompletionPlain(ASK), { code: 'llm_answer_invalid', message });
        assert.equal(server.requests.length, tries);
        await assert.rejects(llm.chatCompletionWithTools(ASK, []), { code: 'llm_answer_invalid' });
      }
      server.answer(events(piece(''), piece(' '), piece('', wire), '[DONE]'));
      const { pieces, error } = await collect(llm.stream(ASK));
      assert.deepEqual(pieces, []);
      assert.ok(isJimsError(error) && error.code === 'llm_answer_invalid');
      assert.match(error.message, message);
      assert.equal(server.requests.length, tries);
    });
  }

  test('another answer is requested for an empty one, and each is counted', async () => {
    const run = llm.forRun({});
    server.answer(
      json(said('')),
      json(said('now')),
      events(piece('', 'stop')),
      events(piece('then', 'stop')),
    );
    assert.equal((await run.chatCompletionPlain(ASK)).content, 'now');
    assert.deepEqual((await collect(run.stream(ASK))).pieces, ['then']);
    assert.equal(
      run.usage.reduce((sum, { requests }) => sum + requests, 0),
      4,
    );
  });

  test('allowEmpty takes an empty answer as it is', async () => {
    server.answer(json(said(null, {}, 'length')));
    const { content, finishReason } = await llm.chatCompletionPlain(ASK, { allowEmpty: true });
    assert.deepEqual([content, finishReason], ['', 'length']);
    server.answer(events(piece('', 'content_filter'), '[DONE]'));
    const stream = llm.stream(ASK, { allowEmpty: true });
    assert.deepEqual(await collect(stream), { pieces: [], error: undefined });
    assert.equal(stream.finishReason, 'content_filter');
  });

  test('gemini: a prompt that is blocked is an error', async () => {
    const env = { GEMINI_API_BASE: server.url, GEMINI_API_KEY: 'k' };
    const gemini = createLlmProvider({ model: 'gemini/m', retryBaseMs: 1 }, env);
    const blocked = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: {} };
    server.answer(json(blocked));
    await assert.rejects(gemini.chatCompletionPlain(ASK), { code: 'llm_answer_invalid' });
    server.answer(events(blocked));
    const { error } = await collect(gemini.stream(ASK));
    assert.ok(isJimsError(error) && error.code === 'llm_answer_invalid', String(error));
  });
});

describe('finishReasonOf', () => {
  for (const [unified, raw, reason] of [
    ['stop', 'stop', 'stop'],
    ['content-filter', undefined, 'content_filter'],
    ['tool-calls', undefined, 'tool_calls'],
    ['other', undefined, 'other'],
    ['other', 'eos', 'other'],
    ['other', 'max_tokens', 'length'],
    ['other', 'prohibited_content', 'content_filter'],
  ] as const) {
    test(`${unified}, '${raw}': ${reason}`, () => {
      assert.equal(finishReasonOf({ unified, raw }), reason);
    });
  }

  for (const [unified, raw, word] of [
    ['error', undefined, 'error'],
    ['interrupted', 'gone', 'gone'],
    ['other', 'server_busy', 'server_busy'],
  ] as const) {
    test(`${unified}, '${raw}': half an answer`, () => {
      const message = `the answer ended with '${word}'`;
      assert.throws(() => finishReasonOf({ unified, raw }), { name: 'BrokenAnswerError', message });
    });
  }
});
