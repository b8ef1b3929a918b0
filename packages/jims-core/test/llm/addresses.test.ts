import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider, LlmSettings } from 'jims-core/llm';

import { json, said, wireServer } from '../support/wire-server.ts';
import type { WireServer } from '../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];

describe('base URLs', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [model, variable, given, path] of [
    ['openai/m', 'OPENAI_BASE_URL', '/v1/', '/v1/chat/completions'],
    ['openai/m', 'OPENAI_BASE_URL', '/v1/chat/completions', '/v1/chat/completions'],
    ['openai/m', 'OPENAI_API_BASE', '//v1//', '/v1/chat/completions'],
    ['openai/m', 'OPENAI_BASE_URL', '', '/chat/completions'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/v1/', '/v1/messages'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/v1/messages', '/v1/messages'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/', '/v1/messages'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/proxy//', '/proxy/v1/messages'],
    ['gemini/m', 'GEMINI_API_BASE', '/', '/v1beta/models/m:generateContent'],
    ['gemini/m', 'GEMINI_API_BASE', '/v1beta/', '/v1beta/models/m:generateContent'],
    [
      'azure/m',
      'AZURE_API_BASE',
      '/openai/',
      '/openai/deployments/m/chat/completions?api-version=2024-10-21',
    ],
    [
      'azure/m',
      'AZURE_API_BASE',
      '//',
      '/openai/deployments/m/chat/completions?api-version=2024-10-21',
    ],
    [
      'azure/m',
      'AZURE_API_BASE',
      '/openai/deployments/m/chat/completions?api-version=2025-01-01',
      '/openai/deployments/m/chat/completions?api-version=2024-10-21',
    ],
    ['azure/m', 'AZURE_API_BASE', '/openai/v1/', '/openai/v1/chat/completions'],
    ['azure/m', 'AZURE_API_BASE', '/openai/v1', '/openai/v1/chat/completions'],
    ['ollama/m', 'OLLAMA_API_BASE', '/v1/', '/v1/chat/completions'],
    ['ollama/m', 'OLLAMA_API_BASE', '/api/', '/v1/chat/completions'],
    ['ollama_chat/m', 'OLLAMA_API_BASE', '/', '/v1/chat/completions'],
    ['hosted_vllm/m', 'HOSTED_VLLM_API_BASE', '/v1/chat/completions/', '/v1/chat/completions'],
    ['groq/m', 'GROQ_API_BASE', '/openai/v1/', '/openai/v1/chat/completions'],
  ] as const) {
    test(`${variable}=…${given} calls ${path}`, async () => {
      server.answer(json({ ...said('ok'), content: [{ type: 'text', text: 'ok' }] }));
      const keys = Object.fromEntries(
        ['OPENAI', 'ANTHROPIC', 'GEMINI', 'AZURE', 'GROQ'].map((name) => [`${name}_API_KEY`, 'k']),
      );
      const llm = createLlmProvider(
        { model, tries: 1 },
        { ...keys, [variable]: server.url + given },
      );
      await llm.chatCompletionPlain(ASK).catch(() => {});
      assert.equal(server.requests[0]?.path, path);
    });
  }

  for (const base of ['/', '/v1/', '/v2', '/v2/rerank']) {
    test(`COHERE_API_BASE=…${base} calls /v2/rerank`, async () => {
      server.answer(json({ results: [{ index: 0, relevance_score: 1 }] }));
      const env = { COHERE_API_BASE: server.url + base, COHERE_API_KEY: 'k' };
      await createLlmProvider({}, env).rerank('x', ['y']);
      assert.equal(server.requests[0]?.path, '/v2/rerank');
    });
  }

  for (const [value, message] of [
    ['gpu-1:8000/v1', / is not a web address: write it as https:\/\/host\/v1$/],
    ['"https://host/v1"', / is not a web address/],
    ['sk-secret', / is not a web address/],
    ['ftp://host/v1', / is not a web address/],
    ['https://user:secret@host/v1', / contains a user name or password/],
    ['https://host/v1?key=secret', / has more after its path/],
  ] as const) {
    test(`${value} is refused by the name of its variable, and not quoted`, async () => {
      const keys = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k', COHERE_API_KEY: 'k' };
      for (const [model, variable] of [
        ['openai/m', 'OPENAI_BASE_URL'],
        ['anthropic/m', 'ANTHROPIC_API_BASE'],
        ['hosted_vllm/m', 'HOSTED_VLLM_API_BASE'],
      ] as const) {
        const llm = createLlmProvider({ model }, { ...keys, [variable]: value });
        await refused(llm.chatCompletionPlain(ASK), variable);
      }
      const rerank = createLlmProvider({}, { ...keys, COHERE_API_BASE: value }).rerank('x', ['y']);
      await refused(rerank, 'COHERE_API_BASE');
      const servers = { house: { baseUrl: value } };
      const house = createLlmProvider({ model: 'house/m', servers }, {});
      await refused(house.chatCompletionPlain(ASK), 'servers.house.baseUrl');
    });

    async function refused(call: Promise<unknown>, name: string): Promise<void> {
      await assert.rejects(call, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'llm_unusable');
        assert.ok(error.message.startsWith(`${name} `), error.message);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
  }

  test('a redirection to the same host is followed, and another one is said', async () => {
    const servers = { house: { baseUrl: server.url, apiKey: 'k' } };
    const llm = createLlmProvider({ model: 'house/m', servers, tries: 1 }, {});
    const to = (status: number, location: string) => (response: ServerResponse) => {
      response.writeHead(status, { location }).end();
    };
    server.answer(to(308, '/v1/chat/completions'), json(said('ok')));
    assert.equal((await llm.chatCompletionPlain(ASK)).content, 'ok');
    assert.equal(server.requests[1]?.path, '/v1/chat/completions');
    assert.equal(server.requests[1]?.body.model, 'm');
    server.answer(to(308, 'http://elsewhere.invalid/v1?key=secret'));
    await assert.rejects(llm.chatCompletionPlain(ASK), {
      message:
        /answered 308: .*points to http:\/\/elsewhere\.invalid\/v1: is the base URL right\?$/,
    });
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

  test('what fails at the proxy names its variable, and not its password', async () => {
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

  test('a proxy that speaks no HTTP is refused', async () => {
    const env = { HTTPS_PROXY: 'socks5://user:hidden-password@127.0.0.1:1' };
    await assert.rejects(llmAt('https://api.test.invalid/v1', env).chatCompletionPlain(ASK), {
      code: 'llm_unusable',
      message: 'HTTPS_PROXY is not the address of an HTTP proxy: write it as http://host:port',
    });
  });
});
