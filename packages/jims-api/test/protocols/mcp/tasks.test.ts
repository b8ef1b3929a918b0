import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ThreadContext } from 'jims-core';

import { freshDatabase } from '../../../../jims-core/test/support/postgres.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { jsonOf, testApi, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { ASKS, TASKS, postStateless } from './stateless-request.ts';

type Members = Readonly<Record<string, unknown>>;
type Headers = Readonly<Record<string, string>>;

/** Sends a request of a client that knows tasks and can ask; gives its result, or its error. */
async function send(
  api: Pick<TestApi, 'post'>,
  method: string,
  params: Members,
  headers: Headers = {},
): Promise<Members> {
  const capabilities = { ...ASKS, ...TASKS };
  const response = await postStateless(api, method, params, { capabilities, headers });
  const { result, error } = await jsonOf(response);
  return Object(result ?? error);
}

const chat = (message: string): Members => ({ name: 'chat', arguments: { message } });

/** A task, when it has come to this status. */
async function until(
  api: Pick<TestApi, 'post'>,
  taskId: unknown,
  status: string,
): Promise<Members> {
  for (;;) {
    const task = await send(api, 'tasks/get', { taskId });
    if (task['status'] === status) return task;
    assert.ok(
      ['working', 'input_required'].includes(String(task['status'])),
      String(task['status']),
    );
    await sleep(10);
  }
}

/** Thinks for longer than a call waits, and then does what the other pipeline does. */
function slow(then: (ctx: ThreadContext) => unknown): (ctx: ThreadContext) => Promise<void> {
  return async (ctx) => {
    await sleep(800, undefined, { signal: ctx.signal });
    await then(ctx);
  };
}

test('a quick call is answered at once, and a long one becomes a task', async () => {
  const agent = agentPipeline();
  await using api = testApi(agent.pipeline);
  const quick = await send(api, 'tools/call', chat('hello'));
  assert.equal(quick['resultType'], 'complete');
  const { _meta, taskId, createdAt, lastUpdatedAt, ...task } = await send(
    api,
    'tools/call',
    chat('held'),
  );
  assert.deepEqual(task, {
    resultType: 'task',
    status: 'working',
    ttlMs: null,
    pollIntervalMs: 1000,
  });
  for (const at of [createdAt, lastUpdatedAt]) assert.equal(new Date(String(at)).toISOString(), at);
  assert.equal((await send(api, 'tasks/get', { taskId }))['status'], 'working');
  agent.release();
  const { resultType, result } = await until(api, taskId, 'completed');
  assert.equal(resultType, 'complete');
  assert.equal(Object(result).resultType, 'complete');
  assert.deepEqual(Object(result).content, [{ type: 'text', text: 'let go' }]);
});

test('a task asks its user, and goes on in any process', async () => {
  await using database = await freshDatabase();
  const pipeline = slow(askingPipeline);
  await using one = testApiOn(database.url, { pipeline });
  await using two = testApiOn(database.url, { pipeline });
  const { taskId } = await send(one, 'tools/call', chat('refund'));
  const { inputRequests } = await until(two, taskId, 'input_required');
  const [key = ''] = Object.keys(Object(inputRequests));
  assert.equal(Object(inputRequests)[key].params.message, 'Refund it?');
  const ack = await send(two, 'tasks/update', { taskId, inputResponses: { other: {} } });
  assert.deepEqual(Object.keys(ack), ['resultType', '_meta']);
  assert.equal((await send(two, 'tasks/get', { taskId }))['status'], 'input_required');
  const inputResponses = { [key]: { action: 'accept', content: { answer: 'no' } } };
  await send(two, 'tasks/update', { taskId, inputResponses });
  const { result } = await until(one, taskId, 'completed');
  assert.deepEqual(Object(result).structuredContent.assistant_messages, [
    'comm.user_button_click no: no',
  ]);
  const late = await send(one, 'tasks/update', { taskId, inputResponses });
  assert.equal(late['resultType'], 'complete');
});

for (const how of ['declined', 'cancelled']) {
  test(`a task whose question is ${how} is cancelled`, async () => {
    await using api = testApi({ pipeline: slow(askingPipeline) });
    const { taskId } = await send(api, 'tools/call', chat('refund'));
    const { inputRequests } = await until(api, taskId, 'input_required');
    const [key = ''] = Object.keys(Object(inputRequests));
    const inputResponses = { [key]: { action: 'decline' } };
    if (how === 'declined') await send(api, 'tasks/update', { taskId, inputResponses });
    else await send(api, 'tasks/cancel', { taskId });
    await until(api, taskId, 'cancelled');
  });
}

test('a task is stopped, and one that is over stays as it is', async () => {
  const agent = agentPipeline();
  await using api = testApi(agent.pipeline);
  const { taskId } = await send(api, 'tools/call', chat('wait'));
  assert.equal((await send(api, 'tasks/cancel', { taskId }))['resultType'], 'complete');
  await agent.stopped;
  await until(api, taskId, 'cancelled');
  assert.equal((await send(api, 'tasks/cancel', { taskId }))['resultType'], 'complete');
});

test('a task that fails is completed with a failure', async () => {
  const fail = (): never => {
    throw new Error('kaboom');
  };
  await using api = testApi({ pipeline: slow(fail) });
  const { taskId } = await send(api, 'tools/call', chat('x'));
  const { result } = await until(api, taskId, 'completed');
  assert.equal(Object(result).isError, true);
});

test('a task is its caller’s, and of those who know tasks', async () => {
  const agent = agentPipeline();
  await using api = testApi(agent.pipeline);
  const [anna, bert] = ['anna', 'bert'].map((name) => ({ 'x-jims-contact-id': name }));
  const { taskId } = await send(api, 'tools/call', chat('held'), anna);
  assert.equal((await send(api, 'tasks/get', { taskId }, anna))['status'], 'working');
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
    assert.equal((await send(api, method, { taskId }, bert))['code'], -32_602, method);
    assert.equal((await send(api, method, { taskId: 'nope' }))['code'], -32_602, method);
    const response = await postStateless(api, method, { taskId });
    const { error } = await jsonOf(response);
    assert.deepEqual([response.status, Object(error).code], [400, -32_021]);
    assert.deepEqual(Object(error).data.requiredCapabilities, TASKS);
  }
  agent.release();
  await until(api, taskId, 'completed').catch(() => {});
});

test('a client that does not know tasks waits for the result', async () => {
  await using api = testApi({ pipeline: slow((ctx) => ctx.sendMessage('late')) });
  const response = await postStateless(api, 'tools/call', chat('x'));
  assert.match(
    await response.text(),
    /"resultType":"complete","content":\[\{"type":"text","text":"late"/,
  );
});
