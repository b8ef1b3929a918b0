import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError } from 'jims-core';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider, LlmSettings } from 'jims-core/llm';

import { collect } from '../support/fake-models.ts';
import { events, json, piece, said, wireServer } from '../support/wire-server.ts';
import type { WireAnswer, WireServer } from '../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];

/** Writes each line, with a pause after it. */
function slowly(type: string, pauseMs: number, ...lines: readonly string[]): WireAnswer {
  return async (response) => {
    response.writeHead(200, { 'content-type': type });
    for (const line of lines) {
      response.write(line);
      await sleep(pauseMs, undefined, { ref: false });
    }
    response.end();
  };
}

describe('time limits', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  function provider(settings: LlmSettings = {}): LlmProvider {
    const servers = { house: { baseUrl: server.url } };
    return createLlmProvider({ model: 'house/m', servers, tries: 1, ...settings }, {});
  }

  for (const timeoutMs of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY]) {
    test(`${timeoutMs} is refused, as a setting and for one call`, async () => {
      server.answer(json(said('ok')));
      const wrong = { code: 'llm_unusable', message: /^timeoutMs is .* milliseconds above 0/ };
      assert.throws(() => provider({ timeoutMs }), wrong);
      const llm = provider();
      await assert.rejects(llm.chatCompletionPlain(ASK, { timeoutMs }), wrong);
      await assert.rejects(llm.createEmbedding('x', { timeoutMs }), { code: 'llm_unusable' });
      const { error } = await collect(llm.stream(ASK, { timeoutMs }));
      assert.ok(isJimsError(error) && error.code === 'llm_unusable');
      assert.equal(server.requests.length, 0);
    });
  }

  for (const timeoutMs of [Number.POSITIVE_INFINITY, 3e9, Number.MAX_SAFE_INTEGER]) {
    test(`with ${timeoutMs} there is no limit`, async () => {
      server.answer(json(said('ok')), events(piece('ok', 'stop'), '[DONE]'));
      const llm = provider({ timeoutMs });
      assert.equal((await llm.chatCompletionPlain(ASK)).content, 'ok');
      assert.deepEqual(await collect(llm.stream(ASK)), { pieces: ['ok'], error: undefined });
    });
  }

  test('comments that keep a stream open restart the time limit', async () => {
    const comments = Array.from({ length: 8 }, () => ': OPENROUTER PROCESSING\n\n');
    const answer = `data: ${JSON.stringify(piece('late', 'stop'))}\n\ndata: [DONE]\n\n`;
    server.answer(slowly('text/event-stream', 100, ...comments, answer));
    const { pieces, error } = await collect(provider().stream(ASK, { timeoutMs: 400 }));
    assert.equal(error, undefined);
    assert.deepEqual(pieces, ['late']);
  });

  test('empty lines before a whole answer do so, too', async () => {
    const lines = Array.from({ length: 8 }, () => '\n');
    server.answer(slowly('application/json', 100, ...lines, JSON.stringify(said('late'))));
    const { content } = await provider().chatCompletionPlain(ASK, { timeoutMs: 400 });
    assert.equal(content, 'late');
  });

  test('silence after comments ends a stream', async () => {
    server.answer(slowly('text/event-stream', 5000, ': PROCESSING\n\n', ''));
    const { error } = await collect(provider().stream(ASK, { timeoutMs: 150 }));
    assert.ok(isJimsError(error));
    assert.match(error.message, /nothing arrived within 150 ms/);
  });

  test("nothing else limits a call: Node's own HTTP client would give up after five minutes", () => {
    // Here it would give up after 50 ms: its dispatcher is replaced by one that is as impatient.
    const program = `
      await fetch('data:,x');
      const dispatcher = Symbol.for('undici.globalDispatcher.1');
      const Agent = globalThis[dispatcher].constructor;
      globalThis[dispatcher] = new Agent({ headersTimeout: 50, bodyTimeout: 50 });
      const { createServer } = await import('node:http');
      const { createLlmProvider } = await import('jims-core/llm');
      const wait = () => new Promise((resolve) => setTimeout(resolve, 2500));
      const server = createServer(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        const choice = (more) => ({ choices: [{ index: 0, finish_reason: 'stop', ...more }] });
        if (!JSON.parse(body).stream) {
          await wait();
          return response.end(JSON.stringify(choice({ message: { content: 'whole' } })));
        }
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: ' + JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' } }] }) + '\\n\\n');
        await wait();
        response.end('data: ' + JSON.stringify(choice({ delta: { content: 'b' } })) + '\\n\\n');
      }).listen(0, '127.0.0.1', async () => {
        const servers = { house: { baseUrl: 'http://127.0.0.1:' + server.address().port } };
        const llm = createLlmProvider({ model: 'house/m', servers, tries: 1 }, {});
        const ask = [{ role: 'user', content: 'x' }];
        const whole = llm.chatCompletionPlain(ask).then(({ content }) => content, String);
        let pieces = '';
        try {
          for await (const piece of llm.stream(ask)) pieces += piece;
        } catch (error) {
          pieces += error;
        }
        console.log(await whole, pieces);
        server.close();
        server.closeAllConnections();
      });`;
    const args = ['--conditions=@jims/source', '--input-type=module', '-e', program];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    });
    assert.equal(stdout.trim(), 'whole ab', stderr);
  });
});
