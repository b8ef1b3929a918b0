import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { freshDatabase } from '../../../../jims-core/test/support/postgres.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { jsonOf, testApi, testApiOn } from '../../support/api.ts';
import type { TestApi } from '../../support/api.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { liveFrames } from '../../support/live-frames.ts';
import type { LiveFrames } from '../../support/live-frames.ts';
import { ASKS, TASKS, postStateless } from './stateless-request.ts';

type Members = Readonly<Record<string, unknown>>;

const KNOWS_TASKS = { capabilities: { ...ASKS, ...TASKS } };
const META = { 'io.modelcontextprotocol/subscriptionId': 7 };

async function resultOf(api: TestApi, method: string, params: Members): Promise<Members> {
  const { result } = await jsonOf(await postStateless(api, method, params, KNOWS_TASKS));
  return Object(result);
}

/** Begins a call that becomes a task; gives its id. */
async function begin(api: TestApi, message: string): Promise<string> {
  const params = { name: 'chat', arguments: { message } };
  const { resultType, taskId } = await resultOf(api, 'tools/call', params);
  assert.equal(resultType, 'task');
  return String(taskId);
}

function listen(api: TestApi, notifications: Members): Promise<Response> {
  return postStateless(api, 'subscriptions/listen', { notifications }, KNOWS_TASKS);
}

/** The next task of a stream, as `tasks/get` gives it. */
async function nextTask(frames: LiveFrames): Promise<Members> {
  const { method, params } = Object((await frames.next())?.data);
  assert.equal(method, 'notifications/tasks');
  const { _meta: meta, ...task } = params;
  assert.deepEqual(meta, META);
  return task;
}

async function requireAcknowledged(frames: LiveFrames, notifications: object): Promise<void> {
  assert.deepEqual((await frames.next())?.data, {
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications, _meta: META },
  });
}

/** The stream ends as the answer of its request. */
async function requireEnd(frames: LiveFrames): Promise<void> {
  const [end, ...more] = await frames.rest();
  const { id, result } = Object(end?.data);
  assert.equal(id, 7);
  assert.equal(result.resultType, 'complete');
  assert.equal(result['_meta']['io.modelcontextprotocol/subscriptionId'], 7);
  assert.deepEqual(more, []);
}

test('a stream says how tasks go on, with what the app says that it does', async () => {
  const agent = agentPipeline();
  await using api = testApi(agent.pipeline);
  const taskId = await begin(api, 'held');
  const got = await resultOf(api, 'tasks/get', { taskId });
  assert.deepEqual([got['status'], got['statusMessage']], ['working', 'holding']);
  const unknown = crypto.randomUUID();
  const notifications = { taskIds: [taskId, unknown, 'nonsense'], toolsListChanged: true };
  const frames = liveFrames(await listen(api, notifications));
  await requireAcknowledged(frames, { taskIds: [taskId] });
  const { resultType: _, _meta, ...now } = got;
  assert.deepEqual(await nextTask(frames), now);
  agent.release();
  const { status, result } = await nextTask(frames);
  assert.equal(status, 'completed');
  assert.deepEqual(Object(result).content, [{ type: 'text', text: 'let go' }]);
  await requireEnd(frames);
});

test('a stream follows the tasks of another process through their questions', async () => {
  await using database = await freshDatabase();
  const pipeline = async (ctx: Parameters<typeof askingPipeline>[0]): Promise<void> => {
    await sleep(800);
    await askingPipeline(ctx);
  };
  await using one = testApiOn(database.url, { pipeline });
  await using two = testApiOn(database.url, { pipeline });
  const [answered, declined] = [await begin(one, 'refund'), await begin(one, 'refund')];
  const frames = liveFrames(await listen(two, { taskIds: [answered, declined] }));
  await requireAcknowledged(frames, { taskIds: [answered, declined] });
  const said = new Map<unknown, unknown[]>();
  for (let open = 2; open > 0;) {
    const { taskId, status, inputRequests, result } = await nextTask(frames);
    const all = said.get(taskId) ?? [];
    if (status !== 'working') said.set(taskId, [...all, status]);
    const [key = ''] = Object.keys(Object(inputRequests));
    if (status === 'input_required') {
      const response =
        taskId === answered
          ? { action: 'accept', content: { answer: 'no' } }
          : { action: 'decline' };
      await resultOf(one, 'tasks/update', { taskId, inputResponses: { [key]: response } });
    }
    if (status === 'completed') {
      assert.equal(
        Object(result).structuredContent.assistant_messages[0],
        'comm.user_button_click no: no',
      );
    }
    if (status === 'completed' || status === 'cancelled') open--;
  }
  assert.deepEqual(said.get(answered), ['input_required', 'completed']);
  assert.deepEqual(said.get(declined), ['input_required', 'cancelled']);
  await requireEnd(frames);
});

test('a stream about nothing that changes ends at once', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const frames = liveFrames(await listen(api, { toolsListChanged: true }));
  await requireAcknowledged(frames, {});
  await requireEnd(frames);
});

test('a stream is refused to a client that does not know tasks, and for too many', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const params = { notifications: { taskIds: [crypto.randomUUID()] } };
  const response = await postStateless(api, 'subscriptions/listen', params);
  assert.equal(response.status, 400);
  assert.equal(Object((await jsonOf(response))['error']).code, -32_021);
  for (const notifications of [
    undefined,
    [],
    { taskIds: 'x' },
    { taskIds: Array(101).fill('x') },
  ]) {
    const refused = await postStateless(
      api,
      'subscriptions/listen',
      { notifications },
      KNOWS_TASKS,
    );
    assert.equal(Object((await jsonOf(refused))['error']).code, -32_602);
  }
});

test('each task of a stream counts as a stream, as long as the stream is open', async () => {
  await using api = testApi(agentPipeline().pipeline, { maxStreams: 5 });
  const some = (count: number): Members => ({
    taskIds: Array.from({ length: count }, () => crypto.randomUUID()),
  });
  for (let tries = 2; tries > 0; tries--) {
    const refused = await listen(api, some(6));
    assert.equal(refused.status, 503);
    assert.equal(Object((await jsonOf(refused))['error']).data.code, 'too_many_streams');
    const frames = liveFrames(await listen(api, some(5)));
    await requireAcknowledged(frames, {});
    await requireEnd(frames);
  }
});

test('a service that stops ends its streams as one that has nothing more to say', async () => {
  const agent = agentPipeline();
  await using api = testApi({ pipeline: agent.pipeline });
  const taskId = await begin(api, 'wait');
  const frames = liveFrames(await listen(api, { taskIds: [taskId] }));
  await requireAcknowledged(frames, { taskIds: [taskId] });
  await nextTask(frames);
  await api.app.close();
  const rest = await frames.rest();
  assert.equal(Object(rest.at(-1)?.data).id, 7);
});

test('a stream whose client has left does not listen to the pieces that come then', async () => {
  const words = new TransformStream<string, string>();
  const writer = words.writable.getWriter();
  await using api = testApi((ctx) => ctx.sendMessage(words.readable));
  const taskId = await begin(api, 'talk');
  const run = (await api.app.runs.find(taskId)) ?? assert.fail();
  const listening = mock.method(run, 'listen');
  mock.method(api.app.runs, 'find', async () => run);
  const frames = liveFrames(await listen(api, { taskIds: [taskId] }));
  await requireAcknowledged(frames, { taskIds: [taskId] });
  await nextTask(frames);
  await eventually(() => listening.mock.callCount() > 0);
  const events = listening.mock.calls.at(-1)?.result ?? assert.fail();
  const left = mock.method(events, 'return');
  await frames.leave();
  await writer.write('word ');
  await eventually(() => left.mock.callCount() === 1);
  await writer.close();
});
