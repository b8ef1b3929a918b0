import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

import { isJimsError } from 'jims-core';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider, LlmSettings } from 'jims-core/llm';
import { z } from 'zod';

import { collect } from '../support/fake-models.ts';
import { events, json, page, piece, said, wireServer } from '../support/wire-server.ts';
import type { WireAnswer, WireServer } from '../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'How much?' }];
const WHOLE = `data: ${JSON.stringify(piece('Hi', 'stop'))}\n\ndata: [DONE]\n\n`;

function messageOf(error: unknown): string {
  assert.ok(isJimsError(error), String(error));
  return error.message;
}

function eventLines(...lines: readonly string[]): WireAnswer {
  return async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const line of lines) {
      response.write(`${line}\n\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    response.end();
  };
}

function packed(encoding: string, body: Uint8Array): WireAnswer {
  return (response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(body);
  };
}

describe('unusual answers of servers and gateways', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  function house(settings: LlmSettings = {}): LlmProvider {
    return createLlmProvider(
      {
        model: 'house/m',
        retryBaseMs: 1,
        servers: { house: { baseUrl: `${server.url}/v1` } },
        ...settings,
      },
      {},
    );
  }

  const half = `data: ${JSON.stringify(piece('Half'))}`;
  for (const line of ['error: {"code":500,"message":"boom"}', '{"error":{"message":"boom"}}']) {
    test(`'${line}' between events is an error, also before [DONE]`, async () => {
      server.answer(eventLines(half, line, 'data: [DONE]'));
      const { pieces, error } = await collect(house().stream(ASK));
      assert.deepEqual(pieces, ['Half']);
      assert.match(messageOf(error), /reported an error: boom/);
    });
  }

  test('text that looks like such a line stays text', async () => {
    const words = 'error: {"error":\nerror: no\n{"error"';
    server.answer(events(piece(words), piece('', 'stop'), '[DONE]'));
    const { pieces, error } = await collect(house().stream(ASK));
    assert.equal(error, undefined);
    assert.deepEqual(pieces, [words]);
  });

  test('an error inside of a delta or a message is an error', async () => {
    const delta = { choices: [{ index: 0, delta: { error: { message: 'boom' } } }] };
    server.answer(events(piece('Half'), delta, '[DONE]'));
    const { error } = await collect(house().stream(ASK));
    assert.match(messageOf(error), /boom/);

    server.answer(json(said('Half', { error: { message: 'boom' } })), json(said('Whole')));
    assert.equal((await house().chatCompletionPlain(ASK)).content, 'Whole');
  });

  for (const nothing of [0, { code: 0, message: '' }, { code: null, message: null }, {}]) {
    test(`${JSON.stringify(nothing)} beside an answer is not an error`, async () => {
      server.answer(json({ ...said('Fine'), error: nothing }));
      assert.equal((await house().chatCompletionPlain(ASK)).content, 'Fine');
      assert.equal(server.requests.length, 1);
    });
  }

  for (const word of ['server_busy', 'killed', 'preempted', 'connection_lost', 'exception']) {
    test(`an answer that ended with '${word}' is half an answer`, async () => {
      server.answer(json(said('Half', {}, word)), json(said('Whole')));
      assert.equal((await house().chatCompletionPlain(ASK)).content, 'Whole');
    });
  }

  test('finish reasons of other servers for a filter or a limit are understood', async () => {
    for (const [word, reason] of [
      ['content_policy', 'content_filter'],
      ['incomplete', 'length'],
    ] as const) {
      server.answer(json(said('Half', {}, word)));
      assert.equal((await house().chatCompletionPlain(ASK)).finishReason, reason);
    }
  });

  for (const [encoding, body] of [
    ['gzip', gzipSync(WHOLE)],
    ['GZIP', gzipSync(WHOLE)],
    ['deflate', deflateSync(WHOLE)],
    ['br', brotliCompressSync(WHOLE)],
    ['zstd', zstdCompressSync(WHOLE)],
    ['gzip, identity', gzipSync(WHOLE)],
    ['br, gzip', gzipSync(brotliCompressSync(WHOLE))],
  ] as const) {
    test(`an answer compressed with ${encoding} is read`, async () => {
      server.answer(packed(encoding, body));
      const { pieces, error } = await collect(house().stream(ASK));
      assert.equal(error, undefined);
      assert.deepEqual(pieces, ['Hi']);
    });
  }

  test('one that is cut off, or not compressed at all, is tried again and reported', async () => {
    const body = JSON.stringify(said('Hi'));
    server.answer(packed('gzip', gzipSync(body).subarray(0, -12)), packed('gzip', gzipSync(body)));
    assert.equal((await house().chatCompletionPlain(ASK)).content, 'Hi');
    server.answer(packed('gzip', Buffer.from(body)));
    await assert.rejects(
      house().chatCompletionPlain(ASK),
      /is compressed with gzip and cannot be decompressed/,
    );
  });

  for (const [type, body] of [
    ['text/plain', 'upstream connect error'],
    ['application/json', '"overloaded"'],
  ] as const) {
    test(`${body} instead of events is reported`, async () => {
      server.answer(page(body, type));
      const { error } = await collect(house().stream(ASK));
      assert.match(messageOf(error), new RegExp(`answered ${type} instead of a stream of events`));
    });
  }

  test('a status that HTTP does not have is reported', async () => {
    server.answer(page('no', 'text/plain', 999));
    await assert.rejects(
      house().chatCompletionPlain(ASK),
      /answered 999, which is not an HTTP status/,
    );
  });

  for (const [name, body] of [
    ['Apigee', { fault: { faultstring: 'Rate limit', detail: { errorcode: 'x.y' } } }],
    ['OAuth', { error: 'invalid_client', error_description: 'Rate limit' }],
    ['error_message', { error_code: 12, error_message: 'Rate limit' }],
  ] as const) {
    test(`the words of an error in the form of ${name}`, async () => {
      for (const status of [200, 400]) {
        server.answer(json(body, status));
        await assert.rejects(house().chatCompletionPlain(ASK), /Rate limit/);
      }
    });
  }

  test('tokens are counted that stand in the choice, or in x_groq', async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
    const choice = { index: 0, delta: {}, finish_reason: 'stop', usage };
    for (const last of [{ choices: [choice] }, { ...piece('', 'stop'), x_groq: { usage } }]) {
      server.answer(events(piece('Hi'), last, '[DONE]'));
      const llm = house();
      await collect(llm.stream(ASK));
      assert.deepEqual(
        llm.usage.map(({ promptTokens, completionTokens }) => [promptTokens, completionTokens]),
        [[7, 3]],
      );
    }
  });

  test('negative numbers of tokens are not counted', async () => {
    server.answer(json({ ...said('Hi'), usage: { prompt_tokens: -5, completion_tokens: -1 } }));
    const llm = house();
    await llm.chatCompletionPlain(ASK);
    assert.equal(llm.usage[0]?.promptTokens, 0);
    assert.equal(llm.usage[0]?.completionTokens, 0);
  });

  test('many blanks in a fence do not keep the process busy', { timeout: 5000 }, async () => {
    server.answer(json(said(`\`\`\`json\n{"a":${' '.repeat(200_000)}x`)));
    const schema = z.object({ a: z.string() });
    await assert.rejects(house().chatCompletionStructured(ASK, schema), /is not JSON/);
  });
});
