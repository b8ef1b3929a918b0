import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { errorBody, toHttpError } from '../../src/http/error-response.ts';
import { HttpError, validationError } from '../../src/http/errors.ts';
import { excerpt } from '../../src/http/fastapi/excerpt.ts';
import { pythonJson } from '../../src/http/fastapi/python-json.ts';

const MOST_BYTES = 16 * 1024;
const options = { requestId: 'r', exposeErrors: false };

function bounded(error: HttpError): HttpError {
  const answer = toHttpError(error, options);
  for (const text of [JSON.stringify(errorBody(answer)), pythonJson(errorBody(answer))]) {
    assert.ok(Buffer.byteLength(text) < MOST_BYTES, `${text.length}: ${text.slice(0, 100)}`);
  }
  return answer;
}

const texts = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 1, max: 5000 }))
  .map(([text, times]) => text.repeat(times));

test('a sentence is cut where it would be too long', () => {
  fc.assert(
    fc.property(texts, (detail) => {
      const headers = { 'retry-after': '1' };
      const { status, code, ...cut } = bounded(new HttpError(404, detail, { code: 'c', headers }));
      assert.deepEqual([status, code, cut.headers], [404, 'c', headers]);
      assert.ok(typeof cut.detail === 'string' && cut.detail.isWellFormed());
      assert.ok(detail === cut.detail || detail.startsWith(cut.detail.slice(0, -2)));
    }),
  );
  const short = new HttpError(404, 'x'.repeat(4000));
  assert.equal(toHttpError(short, options), short);
});

test('issues lose what was sent, and then the last of them', () => {
  fc.assert(
    fc.property(texts, texts, fc.integer({ min: 1, max: 100 }), (msg, input, count) => {
      const issue = { type: 't', loc: ['body'], msg: msg.slice(0, 300), input: excerpt(input) };
      const { detail } = bounded(validationError(Array.from({ length: count }, () => issue)));
      assert.ok(typeof detail !== 'string');
      assert.deepEqual(detail[0], issue);
      for (const each of detail) assert.equal(each.msg, issue.msg);
    }),
  );
});
