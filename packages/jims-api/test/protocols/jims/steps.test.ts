// Steps of a pipeline, as its clients see them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { isStepFailed } from 'jims-core';
import type { Pipeline } from 'jims-core';

import { SQLITE } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, parseFrames, testApiOn } from '../../support/api.ts';
import type { TestApi, TestFrame } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';

const STREAM = '/api/v1/chat/stream';

const pipeline: Pipeline = async (ctx) => {
  const total = await ctx.step('find-order', () => ({ total: 7 }), {
    input: { order: 'secret-input' },
    title: 'Looking for your order',
  });
  await ctx.step('check-fraud', () => 'secret-output');
  try {
    await ctx.step('charge', () => Promise.reject(new Error('secret-reason')), { title: 'Paying' });
  } catch (error) {
    if (!isStepFailed(error)) throw error;
  }
  ctx.sendMessage(`Total: ${total.total}`);
};

describe('steps', () => {
  const { fresh } = SQLITE;
  test('a service gets the steps of a run, with what went in and came out', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, pipeline);
    const frames = await streamed(api, { contact_id: 'c', message: 'pay', include: ['step'] });
    const find = { id: 'find-order/1', name: 'find-order', title: 'Looking for your order' };
    const check = { id: 'check-fraud/1', name: 'check-fraud' };
    const charge = { id: 'charge/1', name: 'charge', title: 'Paying' };
    const input = { order: 'secret-input' };
    const output = { total: 7 };
    assert.deepEqual(dataOf(frames, 'step'), [
      { ...find, status: 'running', input },
      { ...find, status: 'completed', output },
      { ...check, status: 'running' },
      { ...check, status: 'completed', output: 'secret-output' },
      { ...charge, status: 'running' },
      { ...charge, status: 'failed', error: 'secret-reason' },
    ]);
    assert.ok(frames.every(({ id }) => id !== undefined));
    const [result] = dataOf(frames, 'result');
    assert.deepEqual(result?.['assistant_messages'], ['Total: 7']);
  });

  test('a contact gets the title and the status of those that have a title', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, pipeline, byContactHeader);
    const body = { message: 'pay', include: ['step', 'thread'] };
    const frames = await streamed(api, body, { 'x-contact': 'anna' });
    const steps = dataOf(frames, 'step');
    const [find, charge] = [steps[0]?.['id'], steps[2]?.['id']];
    assert.deepEqual(steps, [
      { id: find, title: 'Looking for your order', status: 'running' },
      { id: find, title: 'Looking for your order', status: 'completed' },
      { id: charge, title: 'Paying', status: 'running' },
      { id: charge, title: 'Paying', status: 'failed' },
    ]);
    assert.notEqual(find, charge);
    const text = JSON.stringify(frames);
    assert.doesNotMatch(text, /secret|find-order|check-fraud|charge/);

    const runId = String(dataOf(frames, 'thread')[0]?.['run_id']);
    const joined = await api.get(`/api/v1/runs/${runId}/stream?include=step`, {
      'x-contact': 'anna',
    });
    assert.deepEqual(dataOf(parseFrames(await joined.text()), 'step'), steps);
  });

  test('who does not request steps gets none, and the bytes of a run without', async () => {
    await using database = await fresh();
    await using api = testApiOn(database.url, pipeline);
    const body = { contact_id: 'c', message: 'pay' };
    const plain = await (await api.post(STREAM, body)).text();
    assert.match(plain, /^event: result\ndata: \{[^\n]*\}\n\n$/);
    const others = { ...body, include: ['thread', 'start', 'delta', 'event', 'usage'] };
    assert.deepEqual(dataOf(await streamed(api, others), 'step'), []);
    const answer = await jsonOf(await api.post('/api/v1/chat', body));
    assert.deepEqual(Object.keys(answer), [
      'thread_id',
      'created_new_thread',
      'assistant_messages',
      'events',
    ]);
  });
});

async function streamed(
  api: TestApi,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestFrame[]> {
  const response = await api.post(STREAM, body, headers);
  assert.equal(response.status, 200);
  return parseFrames(await response.text());
}

function dataOf(frames: readonly TestFrame[], name: string): TestFrame['data'][] {
  return frames.filter(({ event }) => event === name).map(({ data }) => data);
}
