import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider, LlmSettings } from 'jims-core/llm';

import { json, said, wireServer } from '../../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];

test('a redirection is followed to the same host only, and another one is reported', async () => {
  await using server = await wireServer();
  const servers = { house: { baseUrl: server.url, apiKey: 'k' } };
  const llm = createLlmProvider({ model: 'house/m', servers, tries: 1 }, {});
  const to = (status: number, location: string) => (response: ServerResponse) => {
    response.writeHead(status, { location }).end();
  };
  server.answer(to(308, '/v1/chat/completions'), json(said('ok')));
  assert.equal((await llm.chatCompletionPlain(ASK)).content, 'ok');
  assert.equal(server.requests[1]?.path, '/v1/chat/completions');
  assert.equal(server.requests[1]?.body.model, 'm');
  server.answer(to(308, 'http://other.invalid/v1?key=secret'));
  await assert.rejects(llm.chatCompletionPlain(ASK), {
    message: /answered 308: .*points to http:\/\/other\.invalid\/v1: is the base URL right\?$/,
  });
});

describe('proxies', () => {
  interface ProxyServer extends AsyncDisposable {
    readonly url: string;
    readonly seen: string[];
  }

  async function proxyServer(): Promise<ProxyServer> {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said('by proxy')));
    });
    proxy.on('connect', ({ url }, socket) => {
      seen.push(`CONNECT ${url}`);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    return {
      seen,
      url: `http://127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        proxy.closeAllConnections();
        await new Promise((resolve) => proxy.close(resolve));
      },
    };
  }

  const llmAt = (
    baseUrl: string,
    env: Readonly<Record<string, string>>,
    more: LlmSettings = {},
  ): LlmProvider =>
    createLlmProvider(
      { model: 'house/m', servers: { house: { baseUrl } }, tries: 1, ...more },
      env,
    );

  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) {
    test(`${name} is used for https`, async () => {
      await using proxy = await proxyServer();
      const llm = llmAt('https://api.test.invalid/v1', { [name]: proxy.url });
      await assert.rejects(llm.chatCompletionPlain(ASK), { code: 'llm_failed', message: /502/ });
      assert.deepEqual(proxy.seen, ['CONNECT api.test.invalid:443']);
    });
  }

  test('HTTP_PROXY is used for http, also without its scheme, and NO_PROXY goes before it', async () => {
    await using proxy = await proxyServer();
    await using server = await wireServer();
    server.answer(json(said('direct')));
    const address = proxy.url.replace('http://', '');
    for (const HTTP_PROXY of [proxy.url, address]) {
      const llm = llmAt('http://api.test.invalid/v1', { HTTP_PROXY });
      assert.equal((await llm.chatCompletionPlain(ASK)).content, 'by proxy');
    }
    assert.equal(proxy.seen[0], 'POST http://api.test.invalid/v1/chat/completions');
    const direct = llmAt(server.url, { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' });
    assert.equal((await direct.chatCompletionPlain(ASK)).content, 'direct');
    assert.equal(proxy.seen.length, 2);
  });

  test('reranking and embeddings go by it, too', async () => {
    await using proxy = await proxyServer();
    const env = {
      HTTPS_PROXY: proxy.url,
      COHERE_API_KEY: 'k',
      OPENAI_API_KEY: 'k',
    };
    const llm = createLlmProvider({ tries: 1 }, env);
    await assert.rejects(llm.rerank('x', ['y']), { code: 'llm_failed' });
    await assert.rejects(llm.createEmbedding('x'), { code: 'llm_failed' });
    assert.deepEqual(proxy.seen, ['CONNECT api.cohere.com:443', 'CONNECT api.openai.com:443']);
  });

  test('a failure of the proxy names its variable, and not its password', async () => {
    const env = { HTTPS_PROXY: 'http://user:hidden-password@127.0.0.1:1' };
    await assert.rejects(
      llmAt('https://api.test.invalid/v1', env).chatCompletionPlain(ASK),
      (error: Error) => {
        assert.match(error.message, /ECONNREFUSED .*\(through the proxy of HTTPS_PROXY\)/);
        assert.doesNotMatch(error.message, /hidden-password/);
        return true;
      },
    );
  });

  test('a proxy that is not an HTTP proxy is refused', async () => {
    const env = { HTTPS_PROXY: 'socks5://user:hidden-password@127.0.0.1:1' };
    await assert.rejects(llmAt('https://api.test.invalid/v1', env).chatCompletionPlain(ASK), {
      code: 'llm_unusable',
      message: 'HTTPS_PROXY is not the address of an HTTP proxy: write it as http://host:port',
    });
  });
});
