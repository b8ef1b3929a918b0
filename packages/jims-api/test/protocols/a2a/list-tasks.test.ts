import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ListTasksRequest, ListTasksResponse } from '@a2a-js/sdk';
import { TaskState } from '@a2a-js/sdk';
import type { Client, RequestOptions } from '@a2a-js/sdk/client';

import { emptiedDatabase } from '../../../../jims-core/test/support/emptied-database.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { jsonOf, testApi } from '../../support/api.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { a2aClient, send, stateOf, textOf, textsOf, withHeaders } from './a2a-client.ts';

const ALL: ListTasksRequest = {
  tenant: '',
  contextId: '',
  status: TaskState.TASK_STATE_UNSPECIFIED,
  pageToken: '',
  statusTimestampAfter: '',
};

function list(
  client: Client,
  params: Partial<ListTasksRequest> = {},
  options?: RequestOptions,
): Promise<ListTasksResponse> {
  return client.listTasks({ ...ALL, ...params }, options);
}

/** Every page of a list; each but the last one has a token. */
async function pages(
  client: Client,
  params: Partial<ListTasksRequest>,
): Promise<ListTasksResponse[]> {
  const all: ListTasksResponse[] = [];
  for (let pageToken = ''; all.length < 100;) {
    const page = await list(client, { ...params, pageToken });
    all.push(page);
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  return all;
}

function idsOf(found: readonly ListTasksResponse[]): string[] {
  return found.flatMap(({ tasks }) => tasks.map(({ id }) => id));
}

function timesOf({ tasks }: ListTasksResponse): string[] {
  return tasks.map(({ status }) => status?.timestamp ?? '');
}

for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
  describe(`lists of tasks by ${binding}`, () => {
    test('those that changed last come first, in pages without a gap', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const sent: string[] = [];
      for (const text of ['multi', 'boom', 'hello', 'multi', 'hello']) {
        const { id } = await send(client, text, { contextId: text });
        sent.unshift(id);
      }
      for (const pageSize of [1, 2, 100]) {
        const found = await pages(client, { pageSize });
        assert.deepEqual(idsOf(found), sent, `pages of ${pageSize}`);
        for (const page of found) assert.deepEqual([page.pageSize, page.totalSize], [pageSize, 5]);
      }
      const all = await list(client);
      assert.equal(all.pageSize, 50);
      assert.deepEqual(timesOf(all), timesOf(all).toSorted().toReversed());
      for (const task of all.tasks) assert.deepEqual(task.artifacts, []);
      const [, second] = (await list(client, { includeArtifacts: true, historyLength: 0 })).tasks;
      assert.ok(second);
      const got = await client.getTask({ tenant: '', id: second.id, historyLength: 0 });
      assert.deepEqual(textsOf(second), ['one', 'two']);
      assert.deepEqual(second, got);
    });

    test('only those of a context, in a state, or that changed since', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const one = await send(client, 'hello', { contextId: 'one' });
      const failed = await send(client, 'boom', { contextId: 'two' });
      const own = await send(client, 'hello');
      const texts = async (params: Partial<ListTasksRequest>): Promise<string[]> =>
        idsOf([await list(client, params)]);
      assert.deepEqual(await texts({ contextId: 'one' }), [one.id]);
      assert.deepEqual(await texts({ contextId: own.contextId }), [own.id]);
      assert.deepEqual(await texts({ contextId: 'unknown' }), []);
      assert.deepEqual(await texts({ status: TaskState.TASK_STATE_FAILED }), [failed.id]);
      assert.deepEqual(await texts({ status: TaskState.TASK_STATE_REJECTED }), []);
      const { tasks } = await list(client, { status: TaskState.TASK_STATE_FAILED });
      const statusTimestampAfter = tasks[0]?.status?.timestamp ?? '';
      assert.deepEqual(await texts({ statusTimestampAfter }), [own.id, failed.id]);
      assert.deepEqual(await texts({ statusTimestampAfter: '2999-01-01T00:00:00Z' }), []);
    });

    test('a task is one with all its messages, and changes with each', async () => {
      await using api = await serveApp(askingPipeline);
      const client = await a2aClient(api.origin, { binding });
      const first = await send(client, 'refund', { contextId: 'one' });
      const second = await send(client, 'refund', { contextId: 'two' });
      const status = TaskState.TASK_STATE_INPUT_REQUIRED;
      assert.deepEqual(idsOf([await list(client, { status })]), [second.id, first.id]);
      await send(client, 'yes', { taskId: first.id });
      const { tasks, totalSize } = await list(client, { historyLength: 2 });
      assert.equal(totalSize, 2);
      assert.deepEqual(
        tasks.map((task) => [
          task.id,
          stateOf(task),
          ...task.history.map(({ parts }) => textOf(parts)),
        ]),
        [
          [first.id, 'TASK_STATE_COMPLETED', 'Refund it?', 'yes'],
          [second.id, 'TASK_STATE_INPUT_REQUIRED', 'refund'],
        ],
      );
      assert.equal(textOf(tasks[1]?.status?.message?.parts), 'Refund it?');
      await client.cancelTask({ tenant: '', id: second.id, metadata: undefined });
      assert.deepEqual(idsOf([await list(client)]), [second.id, first.id]);
    });

    test('tasks that run and wait are listed, too', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline);
      const client = await a2aClient(api.origin, { binding });
      const running = await send(client, 'held', { contextId: 'c', returnImmediately: true });
      const waiting = await send(client, 'two', { contextId: 'c', returnImmediately: true });
      const { tasks } = await list(client);
      assert.deepEqual(
        new Set(tasks.map((task) => `${task.id} ${stateOf(task)}`)),
        new Set([`${running.id} TASK_STATE_WORKING`, `${waiting.id} TASK_STATE_SUBMITTED`]),
      );
      agent.release();
    });

    test('each contact lists their own tasks, and a service what it can get', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const anna = await send(client, 'hello', { contactId: 'anna', contextId: 'chat' });
      const bert = await send(client, 'hello', { contactId: 'bert', contextId: 'chat' });
      const nobody = await send(client, 'hello');
      const named = withHeaders({ 'x-jims-contact-id': 'anna' });
      assert.deepEqual(idsOf([await list(client, {}, named)]), [anna.id]);
      assert.deepEqual(idsOf([await list(client, { contextId: 'chat' }, named)]), [anna.id]);
      const foreign = await list(client, { contextId: nobody.contextId }, named);
      assert.deepEqual(foreign.tasks, []);
      assert.deepEqual(idsOf([await list(client, { contextId: 'chat' })]), [bert.id, anna.id]);
      assert.equal((await list(client)).totalSize, 3);
    });
  });
}

test('a long list is read to its end, each task once', async () => {
  await using api = await serveApp((ctx) => ctx.sendMessage('ok'), { limits: { maxRuns: 1000 } });
  const thread = { kind: 'new', contactId: 'anna', threadConfig: {}, events: [] } as const;
  const { app } = api;
  const incoming = { type: 'comm.user_message', data: { role: 'user', content: 'Hi' } };
  const started: string[] = [];
  for (let n = 0; n < 430; n++) {
    const run = await app.runs.start({
      thread,
      incoming: { id: crypto.randomUUID(), ...incoming },
    });
    await run.end;
    started.push(run.id);
  }
  const client = await a2aClient(api.origin, { binding: 'HTTP+JSON' });
  const found = await pages(client, { pageSize: 100 });
  assert.deepEqual(
    found.map(({ tasks, totalSize }) => [tasks.length, totalSize]),
    [100, 100, 100, 100, 30].map((count) => [count, 430]),
  );
  assert.deepEqual(idsOf(found), started.toReversed());
});

test('other requests get a turn between the tasks of a list', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const rpc = async (method: string, params: object): Promise<unknown> =>
    (await jsonOf(await api.post('/a2a', { jsonrpc: '2.0', id: 1, method, params })))['result'];
  for (let n = 0; n < 40; n++) {
    const message = { messageId: `m${n}`, role: 'ROLE_USER', parts: [{ text: 'hello' }] };
    await rpc('SendMessage', { message });
  }
  const turnsOf = async (pageSize: number): Promise<number> => {
    let turns = 0;
    const count = (): void => void (turns++, (next = setImmediate(count)));
    let next = setImmediate(count);
    assert.equal(Object(await rpc('ListTasks', { pageSize })).tasks.length, pageSize);
    clearImmediate(next);
    return turns;
  };
  await turnsOf(40);
  const few = await turnsOf(8);
  const many = await turnsOf(40);
  assert.ok(many >= few + 4, `${many} turns, and ${few} for a short list`);
});

test('PostgreSQL lists the same', async () => {
  await using database = await emptiedDatabase();
  await using api = await serveApp(askingPipeline, { store: database.url });
  const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
  const first = await send(client, 'refund', { contextId: 'one' });
  const second = await send(client, 'refund', { contextId: 'two' });
  await send(client, 'yes', { taskId: first.id });
  const found = await pages(client, { pageSize: 1 });
  assert.deepEqual(idsOf(found), [first.id, second.id]);
  assert.deepEqual(
    found.map(({ totalSize }) => totalSize),
    [2, 2],
  );
});

test('what is wrong in a request for a list is refused, and named', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const wrong = [
    ['pageSize', '0'],
    ['pageSize', '101'],
    ['pageSize', 'x'],
    ['historyLength', '-1'],
    ['status', 'TASK_STATE_RUNNING'],
    ['statusTimestampAfter', 'yesterday'],
    ['includeArtifacts', 'perhaps'],
    ['pageToken', 'x'],
    ['pageToken', '1_20260230000000000000.00000000000000000000000000000000__'],
    ['pageToken', '9'.repeat(5000)],
  ] as const;
  for (const [name, value] of wrong) {
    const response = await api.get(`/a2a/rest/tasks?${name}=${value}`);
    assert.equal(response.status, 400, `${name}=${value}`);
    assert.match(JSON.stringify(await jsonOf(response)), new RegExp(name));
  }
});
