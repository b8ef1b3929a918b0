import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';

import { isJimsError } from 'jims-core';
import { describeError } from 'jims-core/host';
import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmSettings } from 'jims-core/llm';

import { createRedactor } from '../../src/llm/secrets.ts';
import { collect } from '../support/fake-models.ts';
import { json, page, wireServer } from '../support/wire-server.ts';
import type { WireServer } from '../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];
const KEY = 'sk-TOPSECRET-one';

type Call = (llm: ReturnType<typeof createLlmProvider>) => Promise<unknown>;
const chat: Call = (llm) => llm.chatCompletionPlain(ASK);
const embed: Call = (llm) => llm.createEmbedding('x');
const rank: Call = (llm) => llm.rerank('x', ['y']);

/** Each variable and setting that holds a key, with the call that sends it. */
const KEYS: readonly (readonly [
  name: string,
  settings: (key: string) => LlmSettings,
  env: (key: string) => Readonly<Record<string, string>>,
  call: Call,
])[] = [
  ...[
    ['openai', 'OPENAI_API_KEY'],
    ['anthropic', 'ANTHROPIC_API_KEY'],
    ['gemini', 'GEMINI_API_KEY'],
    ['gemini', 'GOOGLE_API_KEY'],
    ['azure', 'AZURE_API_KEY'],
    ['openrouter', 'OPENROUTER_API_KEY'],
    ['ollama', 'OLLAMA_API_KEY'],
    ['hosted_vllm', 'HOSTED_VLLM_API_KEY'],
    ['cohere', 'COHERE_API_KEY'],
    ['cohere', 'CO_API_KEY'],
    ['deepseek', 'DEEPSEEK_API_KEY'],
    ['groq', 'GROQ_API_KEY'],
    ['mistral', 'MISTRAL_API_KEY'],
    ['xai', 'XAI_API_KEY'],
    ['openai', 'MODEL_API_KEY'],
  ].map(
    ([provider = '', name = '']) =>
      [name, () => ({ model: `${provider}/m` }), (key: string) => ({ [name]: key }), chat] as const,
  ),
  ['MODEL_API_KEY', (key) => ({ model: 'openai/m', modelApiKey: key }), () => ({}), chat],
  ['EMBEDDINGS_MODEL_API_KEY', (key) => ({ embeddingsModelApiKey: key }), () => ({}), embed],
  ['COHERE_API_KEY', () => ({}), (key) => ({ COHERE_API_KEY: key }), rank],
  [
    'servers.house.apiKey',
    (key) => ({
      model: 'house/m',
      servers: { house: { baseUrl: 'http://127.0.0.1:9/v1', apiKey: key } },
    }),
    () => ({}),
    chat,
  ],
];

describe('keys', () => {
  const base = { AZURE_API_BASE: 'http://127.0.0.1:9', HOSTED_VLLM_API_BASE: 'http://127.0.0.1:9' };

  for (const [name, settings, env, call] of KEYS) {
    test(`${name} with a line break is named before anything is sent, and not quoted`, async () => {
      for (const [key, problem] of [
        [`${KEY}\nsk-TOPSECRET-two`, /contains a line break/],
        [`${KEY}\u0007x`, /contains a control character/],
        [`${KEY}\u200Bx`, /contains a character that a header cannot hold/],
      ] as const) {
        const llm = createLlmProvider(settings(key), { ...base, ...env(key) });
        const error: unknown = await call(llm).catch((thrown: unknown) => thrown);
        assert.ok(isJimsError(error));
        assert.equal(error.code, 'llm_unusable');
        assert.match(error.message, problem);
        assert.ok(error.message.startsWith(name), error.message);
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /TOPSECRET/);
      }
    });
  }

  test('white space around a key is ignored', async () => {
    await using server = await wireServer();
    server.answer(
      json({ choices: [{ index: 0, message: { content: 'ok' }, finish_reason: 'stop' }] }),
    );
    const servers = { house: { baseUrl: server.url, apiKey: ` ${KEY}\n` } };
    await chat(createLlmProvider({ model: 'house/m', servers }, {}));
    assert.equal(server.requests[0]?.headers.authorization, `Bearer ${KEY}`);
    const env = { OPENAI_BASE_URL: server.url };
    await chat(createLlmProvider({ modelApiKey: ` ${KEY}\r\n` }, env));
    assert.equal(server.requests[1]?.headers.authorization, `Bearer ${KEY}`);
  });
});

describe('error texts with a key in them', () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const texts = [
    `Invalid proxy server token: ${KEY}`,
    `bad header: Authorization: Bearer some-other-token-1234`,
    'no route for https://host/v1/m?key=AIzaSyA-0123456789abcdefghijk&alt=sse',
    'cannot reach https://user:some-password@host/v1',
    'unknown key sk-ant-api03-0123456789abcdef',
    `key ${KEY.slice(0, 14)}… is unknown`,
    `credentials ${Buffer.from(KEY).toString('base64')} refused`,
    'cannot log in to the cache with database-password-1',
  ];
  const leaked =
    /TOPSECRET|some-other-token|AIzaSy|some-password|0123456789abcdef|database-password|VE9QU0VD/;

  for (const said of texts) {
    test(`lose the key: ${said.slice(0, 24)}…`, async () => {
      const env = { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: KEY };
      const llm = createLlmProvider(
        { retryBaseMs: 1 },
        {
          ...env,
          COHERE_API_KEY: KEY,
          COHERE_API_BASE: server.url,
          ANTHROPIC_API_KEY: 'sk-ant-api03-of-somebody-else',
          DATABASE_URL: 'postgresql://jims:database-password-1@db/jims',
        },
      );
      for (const answer of [
        json({ error: { message: said, code: 'invalid' } }, 401),
        json({ error: { message: said, code: 'invalid' } }),
        json({ message: said }, 500),
        page(said, 'text/plain', 502),
      ]) {
        server.answer(answer);
        const { error: streamed } = await collect(llm.stream(ASK));
        const errors: unknown[] = [streamed];
        for (const call of [chat, embed, rank]) {
          errors.push(await call(llm).catch((thrown: unknown) => thrown));
        }
        for (const error of errors) {
          assert.ok(isJimsError(error));
          assert.equal(error.code, 'llm_failed', error.message);
          assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), leaked);
          assert.doesNotMatch(JSON.stringify(describeError(error)), leaked);
        }
      }
    });
  }
});

describe('createRedactor', () => {
  const redact = createRedactor(['given-key-1', 'short'], {
    MY_TOKEN: 'token-of-env',
    MY_NAME: 'name-of-env',
    DATABASE_URL: 'postgres://me:pass-word@host/db',
    PIN_KEY: '123456',
    NUMBER_KEY: '12345678901234567890',
  });

  for (const [text, shown] of [
    ['it is given-key-1.', 'it is [hidden].'],
    ['token-of-env and name-of-env', '[hidden] and name-of-env'],
    ['pass-word of me', '[hidden] of me'],
    ['short 123456', 'short 123456'],
    ['a key of digits: 12345678901234567890', 'a key of digits: [hidden]'],
    ['https://user:other@host/?token=abc&x=1', 'https://[hidden]@host/?token=[hidden]&x=1'],
    ['Bearer abcdefgh', 'Bearer [hidden]'],
    ['sk-abcdefghijklmnop', '[hidden]'],
  ] as const) {
    test(`'${text}' becomes '${shown}'`, () => assert.equal(redact(text), shown));
  }

  test('hides the longer of two keys that begin alike', () => {
    assert.equal(createRedactor(['abc-123', 'abc-123-456'], {})('abc-123-456'), '[hidden]');
  });
});
