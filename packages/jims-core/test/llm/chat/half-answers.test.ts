import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { isJimsError } from 'jims-core';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider, LlmSettings } from 'jims-core/llm';

import { collect } from '../../support/fake-models.ts';
import {
  OPENAI_LIKE,
  events,
  json,
  page,
  piece,
  said,
  wireServer,
} from '../../support/wire-server.ts';
import type { WireServer } from '../../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'How much?' }];
const GONE = { code: 'server_error', message: 'Provider disconnected unexpectedly' };

function errorOf(error: unknown): { readonly code: string; readonly message: string } {
  assert.ok(isJimsError(error), String(error));
  return error;
}

describe('half an answer never counts as a whole one', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  function provider(name: string, settings: LlmSettings = {}): LlmProvider {
    const env = OPENAI_LIKE[name]?.(server.url) ?? {
      ANTHROPIC_API_BASE: server.url,
      ANTHROPIC_API_KEY: 'key-1',
      GEMINI_API_BASE: server.url,
      GEMINI_API_KEY: 'key-1',
    };
    return createLlmProvider({ model: `${name}/m`, retryBaseMs: 1, ...settings }, env);
  }

  for (const name of [...Object.keys(OPENAI_LIKE), 'house']) {
    const llmOf = (settings: LlmSettings = {}): LlmProvider =>
      name === 'house'
        ? createLlmProvider(
            {
              model: 'house/m',
              retryBaseMs: 1,
              servers: { house: { baseUrl: `${server.url}/v1` } },
              ...settings,
            },
            {},
          )
        : provider(name, settings);

    test(`${name}: an error in the middle of a stream ends it with the provider's error`, async () => {
      const last = {
        error: GONE,
        choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
      };
      server.answer(events(piece('The dose is 5'), last, '[DONE]'));
      const { pieces, error } = await collect(llmOf().stream(ASK));
      assert.deepEqual(pieces, ['The dose is 5']);
      assert.match(errorOf(error).message, /Provider disconnected unexpectedly/);
      assert.equal(server.requests.length, 1);
    });

    test(`${name}: a stream that ends with 'error' and no message is an error`, async () => {
      server.answer(events(piece('Half'), piece('', 'error'), '[DONE]'));
      const stream = llmOf().stream(ASK);
      const { error } = await collect(stream);
      assert.match(errorOf(error).message, /the answer ended with 'error'/);
      assert.equal(stream.finishReason, undefined);
    });

    test(`${name}: an error before the first piece is tried again`, async () => {
      server.answer(
        events({ error: GONE }),
        events({ error: 'model is loading' }),
        events(piece('all'), piece('', 'stop'), '[DONE]'),
      );
      const { pieces, error } = await collect(llmOf().stream(ASK));
      assert.equal(error, undefined);
      assert.deepEqual(pieces, ['all']);
      assert.equal(server.requests.length, 3);
    });

    test(`${name}: a whole answer with an error beside its half is tried again`, async () => {
      const half = {
        ...said('Half an ans', {}, 'error'),
        choices: [
          {
            index: 0,
            error: { code: 502, message: 'upstream died' },
            message: { role: 'assistant', content: 'Half an ans' },
            finish_reason: 'error',
          },
        ],
      };
      server.answer(json(half), json(said('Half', {}, 'error')), json(said('All of it')));
      assert.equal((await llmOf().chatCompletionPlain(ASK)).content, 'All of it');
      server.answer(json(half));
      await assert.rejects(llmOf().chatCompletionPlain(ASK), {
        code: 'llm_failed',
        message: /upstream died \(502\) \(3 tries\)/,
      });
    });

    test(`${name}: an error in a 200 is reported, and tried again when it may pass`, async () => {
      const limited = {
        error: { code: 429, message: 'Provider returned error: rate-limited upstream' },
      };
      server.answer(json(limited), json(limited), json(said('fine')));
      assert.equal((await llmOf().chatCompletionPlain(ASK)).content, 'fine');
      server.answer(json(limited), json(limited), events(piece('fine', 'stop'), '[DONE]'));
      const { pieces } = await collect(llmOf().stream(ASK));
      assert.deepEqual(pieces, ['fine']);
      server.answer(json({ error: { code: 'invalid_api_key', message: 'No such key' } }));
      await assert.rejects(llmOf().chatCompletionPlain(ASK), { message: /No such key/ });
      assert.equal(server.requests.length, 1);
      const { error } = await collect(llmOf().stream(ASK));
      assert.match(errorOf(error).message, /No such key/);
      assert.equal(server.requests.length, 2);
    });

    test(`${name}: an HTML page instead of an answer is an error, and not tried again`, async () => {
      server.answer(page('<!doctype html><title>Log in</title>'));
      await assert.rejects(llmOf().chatCompletionPlain(ASK), {
        code: 'llm_failed',
        message: /answered text\/html instead of JSON: is the base URL right\?$/,
      });
      const { error } = await collect(llmOf().stream(ASK));
      assert.match(errorOf(error).message, /answered text\/html instead of a stream of events/);
      assert.equal(server.requests.length, 2);
      server.answer(events(piece('a'), piece('b', 'stop')));
      await assert.rejects(llmOf().chatCompletionPlain(ASK), {
        message: /answered text\/event-stream instead of JSON/,
      });
      server.answer(json(said('a whole one')));
      const whole = await collect(llmOf().stream(ASK));
      assert.match(errorOf(whole.error).message, /answered application\/json instead of a stream/);
    });
  }

  for (const reason of ['abort', 'network_error', 'insufficient_system_resource']) {
    test(`an answer that ended with '${reason}' is half an answer`, async () => {
      server.answer(json(said('Half', {}, reason)), json(said('Whole')));
      assert.equal((await provider('deepseek').chatCompletionPlain(ASK)).content, 'Whole');
      server.answer(events(piece('Half', reason), '[DONE]'));
      const { error } = await collect(provider('hosted_vllm').stream(ASK));
      assert.equal(errorOf(error).code, 'llm_failed');
    });
  }

  test('anthropic and gemini: an error in a 200 and in the middle of a stream', async () => {
    const overloaded = {
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    };
    server.answer(json(overloaded));
    await assert.rejects(provider('anthropic').chatCompletionPlain(ASK), {
      message: /Overloaded.* \(3 tries\)/,
    });
    const start = {
      type: 'message_start',
      message: {
        id: 'm',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    };
    const block = {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'text', text: '' },
    };
    const delta = {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'Half' },
    };
    server.answer(events(start, block, delta, overloaded));
    const claude = await collect(provider('anthropic').stream(ASK));
    assert.deepEqual(claude.pieces, ['Half']);
    assert.match(errorOf(claude.error).message, /Overloaded/);

    const unavailable = {
      error: { code: 503, message: 'The model is overloaded', status: 'UNAVAILABLE' },
    };
    server.answer(json(unavailable));
    await assert.rejects(provider('gemini').chatCompletionPlain(ASK), {
      message: /The model is overloaded.* \(3 tries\)/,
    });
    const half = {
      candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'Half' }] } }],
    };
    server.answer(events(half, unavailable));
    const gemini = await collect(provider('gemini').stream(ASK));
    assert.deepEqual(gemini.pieces, ['Half']);
    assert.match(errorOf(gemini.error).message, /The model is overloaded/);
  });

  test('a stream that ended with [DONE] is whole without a reason', async () => {
    for (const name of ['openai', 'groq']) {
      server.answer(events(piece('All'), '[DONE]'));
      const stream = provider(name).stream(ASK);
      assert.deepEqual(await collect(stream), { pieces: ['All'], error: undefined });
      assert.equal(stream.finishReason, 'other');
    }
  });

  test('an emoji in two halves arrives as one, and a lone half is replaced', async () => {
    const [high, low] = ['\uD83D', '\uDE00'];
    server.answer(
      events(piece(`a${high}`), piece(`${low}b`), piece(high ?? ''), piece('', 'stop'), '[DONE]'),
    );
    const { pieces } = await collect(provider('openai').stream(ASK));
    assert.deepEqual(pieces, ['a', '😀b', '\uFFFD']);
  });
});
