import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';

import { isJimsError } from 'jims-core';
import type { ChatMessages, LlmProvider } from 'jims-core/llm';
import * as v from 'valibot';
import { z } from 'zod';

import { fakeModels } from '../../support/fake-models.ts';
import type { FakeModels } from '../../support/fake-models.ts';

const ASK: ChatMessages = [{ role: 'user', content: 'Where to?' }];
const Trip = z.object({ city: z.string(), days: z.int().min(1), note: z.string().optional() });

describe('chatCompletionStructured', () => {
  let models: FakeModels;
  let llm: LlmProvider;
  before(async () => {
    models = await fakeModels();
  });
  beforeEach(() => {
    models.fake.reset();
    llm = models.provider();
  });
  after(() => models[Symbol.asyncDispose]());

  test('sends a strict JSON schema and gives the checked answer, without nulls for optional properties', async () => {
    models.fake.reply({ json: { city: 'Oslo', days: 2, note: null } });
    const trip = await llm.chatCompletionStructured(ASK, Trip, { name: 'trip' });
    assert.deepEqual(trip, { city: 'Oslo', days: 2 });
    const { response_format: format } = models.fake.requests[0]?.body ?? {};
    assert.equal(format.type, 'json_schema');
    assert.equal(format.json_schema.name, 'trip');
    assert.equal(format.json_schema.strict, true);
    assert.deepEqual(format.json_schema.schema.required, ['city', 'days', 'note']);
    assert.equal(format.json_schema.schema.additionalProperties, false);
  });

  test('takes valibot schemas', async () => {
    const Answer = v.object({
      verdict: v.picklist(['yes', 'no']),
      why: v.optional(v.string()),
    });
    models.fake.reply({ json: { verdict: 'no', why: null } });
    const answer = await llm.chatCompletionStructured(ASK, Answer);
    assert.deepEqual(answer, { verdict: 'no' });
  });

  test('takes schemas of other types than objects, and a value that may be null stays null', async () => {
    models.fake.reply({ json: { value: [{ name: 'a', parent: null }] } });
    const List = z.array(z.object({ name: z.string(), parent: z.string().nullable() }));
    assert.deepEqual(await llm.chatCompletionStructured(ASK, List), [{ name: 'a', parent: null }]);
  });

  test('takes unions and schemas that refer to themselves', async () => {
    const Tree = z.object({
      name: z.string(),
      hint: z.string().optional(),
      get children() {
        return z.array(Tree);
      },
    });
    const Found = z.object({
      result: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('tree'), tree: Tree }),
        z.object({ kind: z.literal('nothing'), because: z.string().optional() }),
      ]),
    });
    const leaf = { name: 'leaf', hint: null, children: [] };
    models.fake.reply({
      json: { result: { kind: 'tree', tree: { name: 'root', hint: 'x', children: [leaf] } } },
    });
    assert.deepEqual(await llm.chatCompletionStructured(ASK, Found), {
      result: {
        kind: 'tree',
        tree: { name: 'root', hint: 'x', children: [{ name: 'leaf', children: [] }] },
      },
    });
  });

  test('a record has no strict form, and is requested without strict mode', async () => {
    models.fake.reply({ json: { scores: { a: 1 } } });
    const Scores = z.object({ scores: z.record(z.string(), z.number()) });
    assert.deepEqual(await llm.chatCompletionStructured(ASK, Scores), { scores: { a: 1 } });
    assert.equal(models.fake.requests[0]?.body.response_format.json_schema.strict, false);
  });

  test('an answer that breaks the schema is requested again, and every answer is counted', async () => {
    models.fake.reply({ json: { city: 'Oslo', days: 'two', note: null } }, '{"city": "Os', {
      json: { city: 'Oslo', days: 2, note: null },
    });
    assert.deepEqual(await llm.chatCompletionStructured(ASK, Trip), { city: 'Oslo', days: 2 });
    assert.equal(llm.usage[0]?.requests, 3);
  });

  test('an answer that breaks the schema three times is an error that says where, and quotes nothing', async () => {
    models.fake.reply({ json: { city: 'secret-city', days: 'secret-days', note: null }, times: 3 });
    const error: unknown = await llm
      .chatCompletionStructured(ASK, Trip, { name: 'trip' })
      .catch((thrown: unknown) => thrown);
    assert.ok(isJimsError(error));
    assert.equal(error.code, 'llm_answer_invalid');
    assert.match(error.message, /does not fit the schema 'trip' at days/);
    assert.ok(Array.isArray(error.cause) && error.cause.length === 1);
    assert.doesNotMatch(inspect(error.message), /secret/);
    assert.equal(models.fake.requests.length, 3);
  });

  test('a refusal and an answer that was cut off are errors at once', async () => {
    models.fake.reply({ refusal: 'I cannot help with that.' });
    await assert.rejects(llm.chatCompletionStructured(ASK, Trip), {
      code: 'llm_answer_invalid',
      message: /is a refusal/,
    });
    models.fake.reply({ content: '{"city":', finishReason: 'length' });
    await assert.rejects(llm.chatCompletionStructured(ASK, Trip), {
      code: 'llm_answer_invalid',
      message: /cut off/,
    });
    assert.equal(models.fake.requests.length, 2);
  });

  test('500 twice and then an answer', async () => {
    models.fake.fail({ status: 500, times: 2 });
    const { city } = await llm.chatCompletionStructured(ASK, Trip);
    assert.equal(city, 'city');
    assert.equal(models.fake.requests.length, 3);
  });
});
