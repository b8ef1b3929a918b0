import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages } from 'jims-core/llm';

import {
  azureAddress,
  baseUrl,
  geminiUrl,
  versionedUrl,
} from '../../../src/llm/providers/base-url.ts';
import { json, said, wireServer } from '../../support/wire-server.ts';
import type { WireServer } from '../../support/wire-server.ts';

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
    ['openai/m', 'OPENAI_BASE_URL', '/v1/models', '/v1/chat/completions'],
    ['openai/m', 'OPENAI_BASE_URL', '/chat', '/chat/chat/completions'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/v1/', '/v1/messages'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/v1/messages', '/v1/messages'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/', '/v1/messages'],
    ['anthropic/m', 'ANTHROPIC_API_BASE', '/proxy//', '/proxy/v1/messages'],
    ['gemini/m', 'GEMINI_API_BASE', '/', '/v1beta/models/m:generateContent'],
    ['gemini/m', 'GEMINI_API_BASE', '/v1beta/', '/v1beta/models/m:generateContent'],
    [
      'gemini/m',
      'GEMINI_API_BASE',
      '/v1beta/models/x:generateContent',
      '/v1beta/models/m:generateContent',
    ],
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
    ['ollama/m', 'OLLAMA_API_BASE', '/api/chat', '/v1/chat/completions'],
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
    test(`${value} is refused with the name of its variable, and not quoted`, async () => {
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
});

const named = (value: string): { readonly name: string; readonly value: string } => ({
  name: 'X_API_BASE',
  value,
});

describe('baseUrl', () => {
  for (const [value, address] of [
    ['https://host/v1', 'https://host/v1'],
    [' https://host/v1/ ', 'https://host/v1'],
    ['https://host//a//b/', 'https://host/a/b'],
    ['https://host/v1/rerank', 'https://host/v1'],
    ['https://host:8443', 'https://host:8443'],
  ] as const) {
    test(`of '${value}' is ${address}`, () => assert.equal(baseUrl(named(value)), address));
  }
});

test('versionedUrl adds /v1 only where there is no version', () => {
  assert.equal(versionedUrl(named('https://host/proxy')), 'https://host/proxy/v1');
  assert.equal(versionedUrl(named('https://host/v2')), 'https://host/v2');
});

test('geminiUrl adds a version only where there is no path', () => {
  assert.equal(geminiUrl(named('https://host')), 'https://host/v1beta');
  assert.equal(geminiUrl(named('https://host/proxy')), 'https://host/proxy');
});

describe('azureAddress', () => {
  const resource = 'https://r.openai.azure.com';
  for (const [value, v1] of [
    [resource, undefined],
    [`${resource}/openai/deployments/d/chat/completions?api-version=2025-01-01`, undefined],
    [`${resource}/openai/v1/`, `${resource}/openai/v1`],
    [`${resource}/openai/v10/`, undefined],
  ] as const) {
    test(`reads ${value}`, () => assert.deepEqual(azureAddress(named(value)), { resource, v1 }));
  }
});
