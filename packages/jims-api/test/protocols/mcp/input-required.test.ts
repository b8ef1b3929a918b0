import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { freshDatabase } from '../../../../jims-core/test/support/postgres.ts';
import { jsonOf, testApi, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { say, statelessClient } from './stateless-client.ts';
import type { Answering } from './stateless-client.ts';
import { ASKS, postStateless } from './stateless-request.ts';
import type { StatelessOptions } from './stateless-request.ts';
import { suitePipeline } from './suite-tools.ts';

const YES = { action: 'accept', content: { answer: 'yes' } };

type Result = Readonly<Record<string, unknown>>;

/** Calls `chat` with `refund`, and more params; gives its result. */
async function refund(
  api: Pick<TestApi, 'post'>,
  params: Readonly<Record<string, unknown>> = {},
  options: StatelessOptions = {},
): Promise<Result> {
  const call = { name: 'chat', arguments: { message: 'refund' }, ...params };
  const { headers } = options;
  const response = await postStateless(api, 'tools/call', call, {
    capabilities: ASKS,
    ...options,
    headers: { accept: 'application/json', ...headers },
  });
  const { result, error } = await jsonOf(response);
  assert.ok(typeof (result ?? error) === 'object');
  return { ...Object(result), ...(error !== undefined && { error }) };
}

/** The question of a result, and its state. */
function askedIn(result: Result): { readonly key: string; readonly requestState: unknown } {
  assert.equal(result['resultType'], 'input_required');
  const [key = ''] = Object.keys(Object(result['inputRequests']));
  return { key, requestState: result['requestState'] };
}

function textsOf(result: Result): unknown {
  assert.equal(result['resultType'], 'complete');
  return Object(result['structuredContent']).assistant_messages;
}

test('a client is asked by a result, and sends its call again with the answer', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const forms: unknown[] = [];
  const elicit: Answering = (form) => {
    forms.push(form);
    return { action: 'accept', content: { answer: 'yes' } };
  };
  await using mcp = await statelessClient(served.origin, { elicit });
  const { texts } = await say(mcp, 'refund');
  assert.deepEqual(texts, ['comm.user_button_click yes: yes']);
  const oneOf = [
    { const: 'yes', title: 'Yes, please' },
    { const: 'no', title: 'No' },
  ];
  const answer = { type: 'string', title: 'Answer', oneOf };
  const requestedSchema = { type: 'object', properties: { answer }, required: ['answer'] };
  assert.deepEqual(forms, [{ mode: 'form', message: 'Refund it?', requestedSchema }]);
});

test('several questions of one call are asked one after the other', async () => {
  await using served = await serveApp({ pipeline: suitePipeline });
  const elicit: Answering = ({ message }) => ({
    action: 'accept',
    content: message.startsWith('Step 1') ? { name: 'Ann' } : { color: 'blue' },
  });
  await using mcp = await statelessClient(served.origin, { elicit });
  const { texts } = await say(mcp, 'test_input_required_result_multi_round {}');
  assert.deepEqual(texts.at(-1), 'Ann likes blue');
});

for (const action of ['decline', 'cancel'] as const) {
  test(`a user who says ${action} withdraws the question, and the call ends with it`, async () => {
    await using served = await serveApp({ pipeline: askingPipeline });
    await using mcp = await statelessClient(served.origin, { elicit: () => ({ action }) });
    assert.deepEqual((await say(mcp, 'refund')).texts, ['Refund it?']);
    const { questions } = await served.app.questions.list({ limit: 10 });
    assert.deepEqual(
      questions.map(({ state }) => state),
      ['withdrawn'],
    );
  });
}

test('a client that cannot ask gets the question as the answer', async () => {
  await using api = testApi({ pipeline: askingPipeline });
  assert.deepEqual(textsOf(await refund(api, {}, { capabilities: {} })), ['Refund it?']);
});

test('an answer that does not fit is asked for again, and what is not a response is refused', async () => {
  await using api = testApi({ pipeline: askingPipeline });
  const { key, requestState } = askedIn(await refund(api));
  for (const inputResponses of [{}, { other: YES }, { [key]: { action: 'accept', content: {} } }]) {
    assert.equal(askedIn(await refund(api, { requestState, inputResponses })).key, key);
  }
  for (const inputResponses of [null, 7, { [key]: 7 }, { [key]: { action: 'perhaps' } }]) {
    const { error } = await refund(api, { requestState, inputResponses });
    assert.equal(Object(error).code, -32_602);
  }
  const inputResponses = { [key]: YES, other: YES };
  const texts = textsOf(await refund(api, { requestState, inputResponses }));
  assert.deepEqual(texts, ['comm.user_button_click yes: yes']);
});

test('an answer that is sent again is the same answer', async () => {
  await using api = testApi({ pipeline: askingPipeline });
  const { key, requestState } = askedIn(await refund(api));
  const again = { requestState, inputResponses: { [key]: YES } };
  const first = await refund(api, again);
  assert.deepEqual(textsOf(await refund(api, again)), textsOf(first));
  const { questions } = await api.app.questions.list({ limit: 10 });
  assert.equal(questions.length, 1);
});

test('a call that was stopped after its answer says so when it is sent again', async () => {
  const working = Promise.withResolvers<void>();
  await using served = await serveApp({
    async pipeline(ctx) {
      await ctx.ask('Sure?', { name: 'sure' });
      working.resolve();
      await sleep(60_000, undefined, { signal: ctx.signal });
    },
  });
  const post: TestApi['post'] = (path, body, headers) =>
    fetch(served.origin + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { ...headers, 'content-type': 'application/json' },
    });
  const { requestState } = askedIn(await refund({ post }));
  const again = { requestState, inputResponses: { sure: YES } };
  const call = refund({ post }, again);
  await working.promise;
  const { questions } = await served.app.questions.list({ limit: 10 });
  await served.app.runs.cancel(questions[0]?.answeredBy ?? '');
  await call;
  const { isError, content } = await refund({ post }, again);
  assert.equal(isError, true);
  assert.match(JSON.stringify(content), /begin it again/);
});

for (const fileAddressKeys of [[], ['k'.repeat(32)]]) {
  test(`a state counts for its caller and its call alone, with ${fileAddressKeys.length} keys`, async () => {
    const options = { apiKeys: ['anna', 'bert'], fileAddressKeys };
    await using api = testApi({ pipeline: askingPipeline }, options);
    const [anna, bert] = [as('anna'), as('bert')];
    const { key, requestState } = askedIn(await refund(api, {}, { headers: anna }));
    const inputResponses = { [key]: YES };
    const other = askedIn(await refund(api, {}, { headers: anna })).requestState;
    const ids = String(other).slice(0, 74);
    const seal = String(requestState).slice(74);
    for (const [headers, params] of [
      [bert, { requestState }],
      [anna, { requestState: `${String(requestState)}x` }],
      [anna, { requestState: 7 }],
      [anna, { requestState: ids + seal }],
      [anna, { requestState, arguments: { message: 'another' } }],
      [{ ...anna, 'x-jims-contact-id': 'carl' }, { requestState }],
    ] as const) {
      const { error } = await refund(api, { inputResponses, ...params }, { headers });
      assert.equal(Object(error).code, -32_602, JSON.stringify(params));
    }
    const answered = await refund(api, { requestState, inputResponses }, { headers: anna });
    assert.equal(answered['resultType'], 'complete');
  });
}

function as(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` };
}

test('a signed state that another service could have made is not taken', async () => {
  await using database = await freshDatabase();
  const one = testApiOn(database.url, { pipeline: askingPipeline });
  const keys = { fileAddressKeys: ['k'.repeat(32)] };
  await using two = testApiOn(database.url, { pipeline: askingPipeline }, keys);
  await using three = testApiOn(database.url, { pipeline: askingPipeline }, keys);
  const unsigned = askedIn(await refund(one));
  const { key, requestState } = askedIn(await refund(two));
  await one.app.close();
  const inputResponses = { [unsigned.key]: YES };
  const { requestState: state } = unsigned;
  const { error } = await refund(three, { requestState: state, inputResponses });
  assert.equal(Object(error).code, -32_602);
  const taken = await refund(three, { requestState, inputResponses: { [key]: YES } });
  assert.deepEqual(textsOf(taken), ['comm.user_button_click yes: yes']);
});
