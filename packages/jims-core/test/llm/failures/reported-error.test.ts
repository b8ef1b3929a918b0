import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';
import type { ChatMessages, LlmProvider } from 'jims-core/llm';

import { errorInAnswer, errorInFailure } from '../../../src/llm/failures/reported-error.ts';
import { OPENAI_LIKE, json, page, said, wireServer } from '../../support/wire-server.ts';
import type { WireAnswer, WireServer } from '../../support/wire-server.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Hello' }];

describe("the words of a provider's error", () => {
  let server: WireServer;
  before(async () => {
    server = await wireServer();
  });
  after(() => server[Symbol.asyncDispose]());

  const llmOf = (name: string): LlmProvider =>
    createLlmProvider(
      { model: `${name}/m`, retryBaseMs: 1 },
      {
        ...OPENAI_LIKE[name]?.(server.url),
        ANTHROPIC_API_BASE: server.url,
        ANTHROPIC_API_KEY: 'k',
        GEMINI_API_BASE: server.url,
        GEMINI_API_KEY: 'k',
        COHERE_API_BASE: server.url,
        COHERE_API_KEY: 'k',
      },
    );

  for (const [what, answer, message] of [
    [
      "OpenAI's",
      json({ error: { message: 'No such model', code: 'model_not_found' } }, 404),
      /answered 404: No such model$/,
    ],
    [
      "Ollama's",
      json({ error: 'model not found, try pulling it first' }, 404),
      /answered 404: model not found, try pulling it first$/,
    ],
    [
      "vLLM's",
      json({ object: 'error', message: 'context too long', code: 400 }, 400),
      /answered 400: context too long$/,
    ],
    [
      "FastAPI's",
      json(
        { detail: [{ loc: ['body', 'messages'], msg: 'Field required', input: 'the prompt' }] },
        422,
      ),
      /answered 422: body\.messages: Field required$/,
    ],
    [
      "FastAPI's short one",
      json({ detail: 'Not authenticated' }, 401),
      /answered 401: Not authenticated$/,
    ],
    ["Cohere's", json({ message: 'invalid api token' }, 401), /answered 401: invalid api token$/],
    [
      "Google's list",
      json(
        [{ error: { code: 400, message: 'API key not valid', status: 'INVALID_ARGUMENT' } }],
        400,
      ),
      /answered 400: API key not valid$/,
    ],
    [
      "a gateway's errors",
      json({ success: false, errors: [{ code: 7003, message: 'No route' }] }, 404),
      /answered 404: No route$/,
    ],
    [
      "Anthropic's",
      json({ type: 'error', error: { type: 'not_found_error', message: 'model: m' } }, 404),
      /answered 404: model: m$/,
    ],
    [
      'a line of text',
      page('upstream connect error', 'text/plain', 400),
      /answered 400: upstream connect error$/,
    ],
    ['a page', page('<h1>Forbidden</h1>', 'text/html', 403), /answered 403: Forbidden$/],
    ['nothing', page('', 'text/plain', 403), /answered 403: Forbidden$/],
  ] as const satisfies readonly (readonly [string, WireAnswer, RegExp])[]) {
    test(`${what} error: its words are reported, whatever the provider`, async () => {
      for (const name of ['openai', 'azure', 'groq', 'anthropic', 'gemini']) {
        server.answer(answer);
        await assert.rejects(llmOf(name).chatCompletionPlain(ASK), { code: 'llm_failed', message });
        await assert.rejects(llmOf(name).rerank('x', ['y']), { code: 'llm_failed', message });
      }
    });
  }

  for (const error of [
    {
      message: 'You exceeded your current quota',
      code: 'insufficient_quota',
      type: 'insufficient_quota',
    },
    { message: 'Your credit balance is too low', type: 'billing_error' },
  ]) {
    test(`429 ${error.type} is not tried again`, async () => {
      for (const name of ['openai', 'groq', 'anthropic']) {
        server.answer(json({ error }, 429));
        await assert.rejects(llmOf(name).chatCompletionPlain(ASK), { message: /answered 429/ });
        assert.equal(server.requests.length, 1);
      }
    });
  }

  test('other 429s and 5xx are tried again, whatever their code', async () => {
    for (const [status, code] of [
      [429, 'rate_limit_exceeded'],
      [500, 'invalid_request_error'],
    ] as const) {
      server.answer(json({ error: { message: 'x', code } }, status), json(said('ok')));
      assert.equal((await llmOf('openai').chatCompletionPlain(ASK)).content, 'ok');
    }
  });

  test('a file of a type that the provider does not take is an input error', async () => {
    const file = { file_data: 'data:text/csv;base64,aGk=' };
    await assert.rejects(
      llmOf('openai').chatCompletionPlain([{ role: 'user', content: [{ type: 'file', file }] }]),
      { code: 'llm_input_invalid' },
    );
  });
});

describe('errorInAnswer', () => {
  for (const [body, message] of [
    [{ error: 'boom' }, 'boom'],
    [{ error: { message: 'boom\nprompt' } }, 'boom'],
    [{ choices: [{ error: { message: 'boom' } }] }, 'boom'],
    [{ object: 'error', message: 'boom' }, 'boom'],
    [{ detail: [{ loc: ['body', 'n'], msg: 'boom' }] }, 'body.n: boom'],
    [{ error: { message: 'boom', metadata: { raw: 'upstream' } } }, 'boom: upstream'],
    [{ base_resp: { status_code: 7, status_msg: 'boom' } }, 'boom'],
    [{ error: { code: 7 } }, '7'],
    [{ error: { flag: true } }, 'without details'],
  ] as const) {
    test(`finds '${message}' in ${JSON.stringify(body)}`, () => {
      assert.equal(errorInAnswer(body)?.message, message);
    });
  }

  for (const body of [
    { choices: [{}], message: 'not an error' },
    { choices: [{ message: { content: 'hi' } }] },
    { choices: [{}], error: { code: 0, message: '' } },
    { data: [1], detail: 'not an error' },
    { base_resp: { status_code: 0 } },
    {},
    'text',
    undefined,
  ]) {
    test(`finds nothing in ${JSON.stringify(body)}`, () => {
      assert.equal(errorInAnswer(body), undefined);
    });
  }
});

describe('errorInFailure', () => {
  test('takes any object as an error', () => {
    assert.equal(errorInFailure({ title: 'boom' })?.message, 'boom');
    assert.equal(errorInAnswer({ title: 'boom' }), undefined);
    assert.equal(errorInFailure('boom'), undefined);
  });

  test('knows what cannot pass', () => {
    const reported = (error: object): unknown => {
      const { mayPass, usedUp, statusCode } = errorInFailure({ error }) ?? {};
      return { mayPass, usedUp, statusCode };
    };
    const quota = { mayPass: false, usedUp: true, statusCode: undefined };
    assert.deepEqual(reported({ code: 'insufficient_quota' }), quota);
    const wrongKey = { mayPass: false, usedUp: false, statusCode: undefined };
    assert.deepEqual(reported({ type: 'authentication_error' }), wrongKey);
    const busy = { mayPass: true, usedUp: false, statusCode: 503 };
    assert.deepEqual(reported({ code: 503, status: 'overloaded' }), busy);
  });
});
