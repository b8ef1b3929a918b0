import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { JimsError } from 'jims-core';

import {
  BrokenAnswerError,
  ProviderReportError,
  SlowAnswerError,
  UnexpectedAnswerError,
  UnfitAnswerError,
  WrongAnswerError,
} from '../../../src/llm/failures/errors.ts';
import { asJimsError, readFailure } from '../../../src/llm/failures/failure.ts';

const failed = (statusCode: number, responseBody = '', more: object = {}): Error =>
  Object.assign(new Error('Too bad'), { statusCode, responseBody, ...more });
const report = (mayPass: boolean): ProviderReportError =>
  new ProviderReportError({
    message: 'Boom',
    code: 'boom',
    statusCode: undefined,
    mayPass,
    usedUp: false,
  });

describe('what is tried again', () => {
  for (const [what, error, retryable] of [
    ['429', failed(429), true],
    ['500', failed(500), true],
    ['400', failed(400), false],
    ['429 for a used up quota', failed(429, '{"error":{"code":"insufficient_quota"}}'), false],
    ['a slow answer', new SlowAnswerError('slow'), true],
    ['half an answer', new BrokenAnswerError('half'), true],
    ['a broken connection', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), true],
    ['a cause that may pass', new Error('outer', { cause: new SlowAnswerError('slow') }), true],
    ['an HTML page', new UnexpectedAnswerError('text/html', 'JSON'), false],
    ['vectors of other texts', new WrongAnswerError('wrong'), false],
    ['a report of an error that may pass', report(true), true],
    ['a report of an error that stays', report(false), false],
    ['an answer that may be better', new UnfitAnswerError('is empty', []), true],
    ['a refusal', new UnfitAnswerError('is a refusal', [], false), false],
    ['a bug', new TypeError('x is not a function'), false],
    ['anything else', 'thrown', false],
  ] as const) {
    test(`${what}: ${retryable ? 'yes' : 'no'}`, () => {
      assert.equal(readFailure(error).retryable, retryable);
    });
  }
});

describe('the wait that a provider asks for', () => {
  for (const [headers, ms] of [
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '2', 'retry-after-ms': '50' }, 50],
    [{ 'retry-after': 'Mon, 01 Jan 2001 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ] as const) {
    test(`${JSON.stringify(headers)} is ${ms} ms`, () => {
      const { retryAfterMs } = readFailure(failed(429, '', { responseHeaders: headers }));
      assert.equal(retryAfterMs, ms);
    });
  }
});

describe('the message', () => {
  for (const [error, message] of [
    [failed(503, 'no healthy upstream'), 'answered 503: no healthy upstream'],
    [failed(503, '<html>Sorry</html>'), 'answered 503: Too bad'],
    [failed(400, '{"error":{"message":"Wrong"}}'), 'answered 400: Wrong'],
    [new SyntaxError('Unexpected token in "secret"'), 'sent an answer that cannot be read'],
    [report(true), 'reported an error: Boom (boom)'],
    [undefined, 'unknown error'],
  ] as const) {
    test(`is '${message}'`, () => assert.equal(readFailure(error).message, message));
  }
});

describe('the error for the app', () => {
  const options = {
    model: 'house/m',
    tries: 3,
    redact: (text: string) => text.replace('key', '…'),
  };

  test('has the model, the tries and no key, and its cause holds nothing but words', () => {
    const error = Object.assign(failed(401, 'wrong key'), { requestBodyValues: 'the prompt' });
    const made = asJimsError(error, options);
    assert.equal(made.code, 'llm_failed');
    assert.equal(made.message, 'house/m: answered 401: wrong … (3 tries)');
    assert.ok(made.cause instanceof Error && 'statusCode' in made.cause);
    assert.equal(made.cause.message, 'answered 401: wrong …');
    assert.equal(made.cause.statusCode, 401);
    assert.equal('requestBodyValues' in made.cause, false);
  });

  test('is about the input when the package cannot send it', () => {
    const error = Object.assign(new Error('no audio'), {
      name: 'AI_UnsupportedFunctionalityError',
    });
    assert.equal(asJimsError(error, options).code, 'llm_input_invalid');
    const cause = Object.assign(new Error('quotes it'), { name: 'AI_TypeValidationError' });
    const unfit = Object.assign(new Error('invalid options', { cause }), {
      name: 'AI_InvalidArgumentError',
    });
    assert.match(asJimsError(unfit, options).message, /: invalid options/);
  });

  test('names where an answer does not fit, and does not quote it', () => {
    const issues = [{ message: 'secret', path: ['a', { key: 0 }] }, { message: 'secret' }];
    const made = asJimsError(new UnfitAnswerError("does not fit the schema 's'", issues), options);
    assert.equal(made.code, 'llm_answer_invalid');
    assert.equal(made.message, "The answer of house/m does not fit the schema 's' at a.0");
  });

  test('stays what it is when it is one already', () => {
    const error = new JimsError('llm_unusable', 'no key');
    assert.equal(asJimsError(error, options), error);
  });
});
