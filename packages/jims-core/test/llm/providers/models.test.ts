import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmSettings } from 'jims-core/llm';
import { z } from 'zod';

import { parseModelName } from '../../../src/llm/providers/models.ts';
import { collect, fakeModels } from '../../support/fake-models.ts';
import type { FakeModels } from '../../support/fake-models.ts';

const TALK: ChatMessages = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'Hi' },
  { role: 'user', content: 'again' },
  { role: 'system', content: 'Be brief.' },
];

/** What each model string has to lead to. */
interface Case {
  readonly model: string;
  readonly env: (url: string) => Readonly<Record<string, string>>;
  readonly path: string;
  readonly header: readonly [name: string, value: string | undefined];
  /** As it is sent; `undefined` where the address names it. */
  readonly sent: string | undefined;
}

const bearer = (key: string | undefined): readonly [string, string | undefined] => [
  'authorization',
  key && `Bearer ${key}`,
];

const CASES: readonly Case[] = [
  {
    model: 'gpt-4.1-mini',
    env: (url) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'k1' }),
    path: '/v1/chat/completions',
    header: bearer('k1'),
    sent: 'gpt-4.1-mini',
  },
  {
    model: 'openai/meta-llama/Llama-4',
    env: (url) => ({ OPENAI_API_BASE: `${url}/any/v1`, OPENAI_API_KEY: 'k2' }),
    path: '/any/v1/chat/completions',
    header: bearer('k2'),
    sent: 'meta-llama/Llama-4',
  },
  {
    model: 'gpt-4.1-mini',
    env: (url) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'k1', MODEL_API_KEY: 'mine' }),
    path: '/v1/chat/completions',
    header: bearer('mine'),
    sent: 'gpt-4.1-mini',
  },
  {
    model: 'anthropic/claude-sonnet-5',
    env: (url) => ({ ANTHROPIC_API_BASE: url, ANTHROPIC_API_KEY: 'k3' }),
    path: '/v1/messages',
    header: ['x-api-key', 'k3'],
    sent: 'claude-sonnet-5',
  },
  {
    model: 'claude-sonnet-5',
    env: (url) => ({ ANTHROPIC_API_BASE: `${url}/v1`, ANTHROPIC_API_KEY: 'k3' }),
    path: '/v1/messages',
    header: ['x-api-key', 'k3'],
    sent: 'claude-sonnet-5',
  },
  {
    model: 'gemini/gemini-2.5-flash',
    env: (url) => ({ GEMINI_API_BASE: `${url}/v1beta`, GEMINI_API_KEY: 'k4' }),
    path: '/v1beta/models/gemini-2.5-flash:generateContent',
    header: ['x-goog-api-key', 'k4'],
    sent: undefined,
  },
  {
    model: 'azure/my-deployment',
    env: (url) => ({
      AZURE_API_BASE: `${url}/`,
      AZURE_API_KEY: 'k5',
      AZURE_API_VERSION: '2025-01-01',
    }),
    path: '/openai/deployments/my-deployment/chat/completions',
    header: ['api-key', 'k5'],
    sent: 'my-deployment',
  },
  {
    model: 'openrouter/qwen/qwen3',
    env: (url) => ({ OPENROUTER_API_BASE_URL: `${url}/api/v1`, OPENROUTER_API_KEY: 'k6' }),
    path: '/api/v1/chat/completions',
    header: bearer('k6'),
    sent: 'qwen/qwen3',
  },
  {
    model: 'ollama/qwen3',
    env: (url) => ({ OLLAMA_API_BASE: url }),
    path: '/v1/chat/completions',
    header: bearer(undefined),
    sent: 'qwen3',
  },
  {
    model: 'hosted_vllm/mine',
    env: (url) => ({ HOSTED_VLLM_API_BASE: `${url}/v1`, HOSTED_VLLM_API_KEY: 'k7' }),
    path: '/v1/chat/completions',
    header: bearer('k7'),
    sent: 'mine',
  },
  {
    model: 'cohere/command-a',
    env: (url) => ({ COHERE_COMPATIBLE_API_BASE: `${url}/v1`, CO_API_KEY: 'k8' }),
    path: '/v1/chat/completions',
    header: bearer('k8'),
    sent: 'command-a',
  },
  ...['deepseek', 'groq', 'mistral', 'xai'].map((name) => ({
    model: `${name}/some-model`,
    env: (url: string) => ({
      [`${name.toUpperCase()}_API_BASE`]: `${url}/v1`,
      [`${name.toUpperCase()}_API_KEY`]: 'k9',
    }),
    path: '/v1/chat/completions',
    header: bearer('k9'),
    sent: 'some-model',
  })),
];

describe('model strings', () => {
  let models: FakeModels;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => models.fake.reset());
  after(() => models[Symbol.asyncDispose]());

  for (const { model, env, path, header, sent } of CASES) {
    const variables = Object.keys(env(''));
    test(`${model} with ${variables.join(', ')} calls ${path}`, async () => {
      const llm = createLlmProvider({}, { MODEL: model, ...env(models.fake.url) });
      const answer = await llm.chatCompletionPlain(TALK);
      assert.equal(answer.content, 'echo: again');
      const { pieces, error } = await collect(llm.stream(TALK));
      assert.equal(error, undefined);
      assert.equal(pieces.join(''), 'echo: again');
      const schema = z.object({ city: z.string(), note: z.string().optional() });
      const ask: ChatMessages = [{ role: 'user', content: '!json {"city":"Oslo","note":null}' }];
      const jsonAsk: ChatMessages = [{ role: 'system', content: 'Answer as JSON.' }, ...ask];
      assert.deepEqual(await llm.chatCompletionStructured(jsonAsk, schema), { city: 'Oslo' });

      const [plain] = models.fake.requests;
      assert.equal(plain?.path, path);
      assert.equal(plain.headers[header[0]], header[1]);
      assert.equal(plain.body.model, sent);
      assert.ok(llm.usage.length > 0);
      for (const { promptTokens, completionTokens } of llm.usage) {
        assert.ok(promptTokens > 0 && completionTokens > 0);
      }
    });
  }

  test('the cost is the one that OpenRouter reports', async () => {
    const env = { OPENROUTER_API_BASE: models.fake.baseURL, OPENROUTER_API_KEY: 'k' };
    const llm = createLlmProvider({ model: 'openrouter/unknown/model' }, env);
    await llm.chatCompletionPlain(TALK);
    const [usage] = llm.usage;
    const cost = ((usage?.promptTokens ?? 0) * 0.4 + (usage?.completionTokens ?? 0) * 1.6) / 1e6;
    assert.equal(usage?.costUsd, cost);
    assert.ok(cost > 0);
  });

  test('a server of your own gets a name in code', async () => {
    const servers = { house: { baseUrl: models.fake.baseURL, apiKey: 'k' } };
    const llm = createLlmProvider({ model: 'house/llama', servers }, {});
    await llm.chatCompletionPlain(TALK);
    assert.equal(models.fake.requests[0]?.headers['authorization'], 'Bearer k');
    assert.equal(models.fake.requests[0].body.model, 'llama');
  });

  test('a model object is used as it is', async () => {
    const anthropic = createAnthropic({ baseURL: `${models.fake.url}/v1`, apiKey: 'k' });
    const llm = createLlmProvider({ model: anthropic('claude-sonnet-5') }, {});
    const { content } = await llm.chatCompletionPlain(TALK);
    assert.equal(content, 'echo: again');
    assert.ok(models.fake.requests[0]?.body.system);
  });

  test('whatever a model object throws becomes a failure', async () => {
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    const anthropic = createAnthropic({ baseURL: `${models.fake.url}/v1`, apiKey: 'k' });
    const model = anthropic('claude-sonnet-5');
    for (const thrown of [revoked, undefined, 'text', Object.create(null)]) {
      const broken = Object.assign(Object.create(model), {
        doGenerate() {
          throw thrown;
        },
      });
      const llm = createLlmProvider({ model: broken }, {});
      await assert.rejects(llm.chatCompletionPlain(TALK), { code: 'llm_failed' });
    }
  });

  for (const [model, variables] of [
    ['gemini/gemini-embedding-001', { GEMINI_API_KEY: 'k', GEMINI_API_BASE: '/v1beta' }],
    ['ollama/nomic-embed-text', { OLLAMA_API_BASE: '/' }],
    ['azure/embeddings', { AZURE_API_BASE: '/', AZURE_API_KEY: 'k' }],
    ['cohere/embed-v4.0', { COHERE_COMPATIBLE_API_BASE: '/v1', COHERE_API_KEY: 'k' }],
  ] as const) {
    test(`${model} makes embeddings`, async () => {
      const env = Object.entries(variables).map(([name, value]) => [
        name,
        name.endsWith('_BASE') ? models.fake.url + value : value,
      ]);
      const settings: LlmSettings = { embeddingsModel: model, embeddingsDim: 8 };
      const llm = createLlmProvider(settings, Object.fromEntries(env));
      const [first, second] = await llm.createEmbeddings(['one', 'two']);
      assert.equal(first?.length, 8);
      assert.notDeepEqual(first, second);
    });
  }
});

describe('models that cannot be used', () => {
  const ask = (model: string, env = {}): Promise<unknown> =>
    createLlmProvider({ model }, env).chatCompletionPlain(TALK);

  for (const [model, message] of [
    ['gpt-4.1-mini', /^Models of openai need OPENAI_API_KEY$/],
    ['anthropic/claude-sonnet-5', /^Models of anthropic need ANTHROPIC_API_KEY$/],
    ['gemini/gemini-2.5-flash', /GEMINI_API_KEY or GOOGLE_API_KEY/],
    ['cohere/command-a', /COHERE_API_KEY or CO_API_KEY/],
    ['hosted_vllm/x', /HOSTED_VLLM_API_BASE/],
    [
      'acme/x',
      /^Model 'acme\/x' has an unknown provider. Known are openai, .* write openai\/acme\/x$/,
    ],
  ] as const) {
    test(`${model} without its variables is refused in one line that names what is missing`, async () => {
      await assert.rejects(ask(model), { code: 'llm_unusable', message });
    });
  }

  test('what is neither a name nor a model object is refused', async () => {
    const settings: object = { model: { name: 'gpt' } };
    const answer = createLlmProvider(settings, {}).chatCompletionPlain(TALK);
    await assert.rejects(answer, { code: 'llm_unusable', message: /^A model must be a name/ });
  });

  test('azure needs an address beside the key', async () => {
    await assert.rejects(ask('azure/x', { AZURE_API_KEY: 'k' }), { message: /AZURE_API_BASE/ });
  });

  test('a variable that is not a number is refused when the provider is made', () => {
    assert.throws(() => createLlmProvider({}, { EMBEDDINGS_DIM: 'many' }), {
      code: 'llm_unusable',
      message: "EMBEDDINGS_DIM is 'many': it must be a whole number of at least 0",
    });
  });

  test('an empty variable counts as not set', async () => {
    await assert.rejects(ask('gpt-4.1-mini', { OPENAI_API_KEY: ' ' }), { code: 'llm_unusable' });
  });

  test('the error for a missing package has the command that installs it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'jims-test-'));
    const hook = join(folder, 'hook.mjs');
    // As in an installation without the optional packages.
    writeFileSync(
      hook,
      `import { registerHooks } from 'node:module';
registerHooks({ resolve(specifier, context, next) {
  const hidden = ['@ai-sdk/anthropic', '@ai-sdk/google', 'gpt-tokenizer/encoding/cl100k_base'];
  const parentURL = hidden.includes(specifier) ? 'file:///not-installed/x.mjs' : context.parentURL;
  return next(specifier, { ...context, parentURL });
} });`,
    );
    const program = `
      const { createLlmProvider } = await import('jims-core/llm');
      const said = [];
      const tell = (error) => said.push(error.code + ' ' + error.message);
      const env = { ANTHROPIC_API_KEY: 'k', GEMINI_API_KEY: 'k', OPENAI_API_KEY: 'k' };
      for (const model of ['anthropic/a', 'gemini/b']) {
        await createLlmProvider({ model }, env).chatCompletionPlain([{ role: 'user', content: 'x' }]).catch(tell);
      }
      await createLlmProvider({ embeddingsMaxTokensPerBatch: 2 }, env).createEmbedding('xxx').catch(tell);
      console.log(JSON.stringify(said));`;
    const args = [
      '--conditions=@jims/source',
      '--import',
      hook,
      '--input-type=module',
      '-e',
      program,
    ];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    });
    rmSync(folder, { recursive: true });
    assert.notEqual(stdout, '', stderr);
    const said = JSON.parse(stdout) as string[];
    assert.match(said[0] ?? '', /^llm_unusable .* npm install @ai-sdk\/anthropic$/);
    assert.match(said[1] ?? '', /^llm_unusable .* npm install @ai-sdk\/google$/);
    assert.match(said[2] ?? '', /^llm_unusable .* npm install gpt-tokenizer$/);
  });
});

describe('parseModelName', () => {
  const known = ['openai', 'anthropic', 'gemini', 'cohere', 'ollama', 'house'];
  for (const [name, provider, model] of [
    ['gpt-4.1', 'openai', 'gpt-4.1'],
    ['claude-sonnet-5', 'anthropic', 'claude-sonnet-5'],
    ['gemini-2.5-pro', 'gemini', 'gemini-2.5-pro'],
    ['command-a', 'cohere', 'command-a'],
    ['google/gemini-2.5-pro', 'gemini', 'gemini-2.5-pro'],
    ['ollama_chat/qwen3', 'ollama', 'qwen3'],
    ['house/org/model', 'house', 'org/model'],
  ] as const) {
    test(`${name} is ${model} of ${provider}`, () => {
      assert.deepEqual(parseModelName(name, known), { provider, model });
    });
  }

  for (const name of ['acme/x', 'house/', '/x']) {
    test(`'${name}' is refused`, () => {
      assert.throws(() => parseModelName(name, known), { code: 'llm_unusable' });
    });
  }
});
