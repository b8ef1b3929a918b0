import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import type { Task } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';

import { emptiedDatabase } from '../../../../jims-core/test/support/emptied-database.ts';
import { freshSqlite } from '../../../../jims-core/test/support/sqlite.ts';
import { agentPipeline } from '../../support/agent-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import {
  BINDINGS,
  a2aClient,
  ask,
  collect,
  send,
  stateOf,
  textsOf,
  summaryOf,
  withHeaders,
} from './a2a-client.ts';

function get(client: Client, id: string, historyLength?: number): Promise<Task> {
  return client.getTask({ tenant: '', id, historyLength });
}

function cancel(client: Client, id: string): Promise<Task> {
  return client.cancelTask({ tenant: '', id, metadata: undefined });
}

for (const binding of BINDINGS) {
  describe(`tasks by ${binding}`, () => {
    test('a client that does not wait gets a working task, and looks for its end', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline);
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'held', { returnImmediately: true });
      assert.equal(stateOf(task), 'TASK_STATE_WORKING');
      assert.equal(stateOf(await get(client, task.id)), 'TASK_STATE_WORKING');
      agent.release();
      await (
        await api.app.runs.find(task.id)
      )?.end;
      const later = await get(client, task.id);
      assert.equal(stateOf(later), 'TASK_STATE_COMPLETED');
      assert.deepEqual(textsOf(later), ['let go']);
      assert.equal(later.history.length, 1);
      assert.equal((await get(client, task.id, 0)).history.length, 0);
    });

    test('a cancelled task keeps what was seen, and its streams end with that', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline);
      const client = await a2aClient(api.origin, { binding });
      const stream = client.sendMessageStream(ask('wait', { contextId: 'chat' }));
      const first = await stream.next();
      assert.ok(first.value?.payload?.$case === 'task');
      const { id } = first.value.payload.value;
      const piece = await stream.next();
      assert.equal(piece.value && summaryOf(piece.value), '=beginning ');
      const task = await cancel(client, id);
      await agent.stopped;
      assert.equal(stateOf(task), 'TASK_STATE_CANCELED');
      assert.deepEqual(textsOf(task), ['beginning ']);
      assert.equal((await collect(stream)).map(summaryOf).at(-1), 'TASK_STATE_CANCELED');
      assert.deepEqual(textsOf(await get(client, id)), ['beginning ']);
      const after = await send(client, 'history', { contextId: 'chat' });
      assert.deepEqual(textsOf(after), ['wait|beginning |history']);
    });

    test('a task that waits for another one of its context can be cancelled, too', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline);
      const client = await a2aClient(api.origin, { binding });
      await send(client, 'held', { contextId: 'chat', returnImmediately: true });
      const next = await send(client, 'two', { contextId: 'chat', returnImmediately: true });
      assert.equal(stateOf(next), 'TASK_STATE_SUBMITTED');
      assert.equal(stateOf(await cancel(client, next.id)), 'TASK_STATE_CANCELED');
      agent.release();
    });

    test('a task that is over cannot be cancelled, and takes no more messages', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const { id, contextId } = await send(client, 'hello');
      await assert.rejects(cancel(client, id), { name: 'TaskNotCancelableError' });
      const more = { name: 'UnsupportedOperationError' };
      await assert.rejects(send(client, 'more', { taskId: id }), more);
      await assert.rejects(send(client, 'more', { taskId: id, contextId }), more);
      await assert.rejects(
        send(client, 'x', { taskId: id, contextId: 'other' }),
        /is not of context/,
      );
    });

    test('an unknown task is not found by any method', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const unknown = { name: 'TaskNotFoundError' };
      for (const id of [randomUUID(), 'no-id']) {
        await assert.rejects(get(client, id), unknown);
        await assert.rejects(cancel(client, id), unknown);
        await assert.rejects(collect(client.resubscribeTask({ tenant: '', id })), unknown);
        await assert.rejects(send(client, 'hello', { taskId: id }), unknown);
      }
    });

    test('a contact reaches only their own tasks and contexts', async () => {
      await using api = await serveApp(agentPipeline().pipeline, {
        authenticate: async ({ headers }) => {
          const contactId = headers.get('authorization')?.replace('Bearer ', '') ?? '';
          return { kind: 'contact', id: contactId, contactId };
        },
      });
      const anna = await a2aClient(api.origin, { binding, key: 'anna' });
      const bert = await a2aClient(api.origin, { binding, key: 'bert' });
      const { id, contextId } = await send(anna, 'whoami', { contextId: 'chat' });
      assert.deepEqual(textsOf(await get(anna, id)), ['anna']);
      const unknown = { name: 'TaskNotFoundError' };
      await assert.rejects(get(bert, id), unknown);
      await assert.rejects(cancel(bert, id), unknown);
      await assert.rejects(send(bert, 'x', { taskId: id }), unknown);
      assert.deepEqual(textsOf(await send(bert, 'history', { contextId })), ['history']);
      await assert.rejects(send(bert, 'x', { contactId: 'anna' }), /Contact 'anna' not found/);
    });

    test('a service that names a contact reaches only that contact’s tasks', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const { id } = await send(client, 'hello', { contactId: 'anna' });
      const anna = withHeaders({ 'x-jims-contact-id': 'anna' });
      const bert = withHeaders({ 'x-jims-contact-id': 'bert' });
      const request = { tenant: '', id, historyLength: undefined };
      assert.deepEqual(textsOf(await client.getTask(request, anna)), ['Echo: hello']);
      assert.deepEqual(textsOf(await get(client, id)), ['Echo: hello']);
      const unknown = { name: 'TaskNotFoundError' };
      await assert.rejects(client.getTask(request, bert), unknown);
      await assert.rejects(client.cancelTask({ ...request, metadata: undefined }, bert), unknown);
      await assert.rejects(collect(client.resubscribeTask(request, bert)), unknown);
      await assert.rejects(send(client, 'x', { taskId: id, contactId: 'bert' }), unknown);
    });

    test('what the agent has not is refused by its own error', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const { id: taskId } = await send(client, 'hello');
      const config = { tenant: '', taskId, id: 'config-1' };
      await assert.rejects(client.deleteTaskPushNotificationConfig(config), {
        name: 'PushNotificationNotSupportedError',
      });
    });

    test('more than the service takes at once is refused, and not run', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline, { limits: { maxRuns: 1 } });
      const client = await a2aClient(api.origin, { binding });
      await send(client, 'held', { returnImmediately: true });
      await assert.rejects(send(client, 'hello'), /runs as much as it may/);
      await assert.rejects(
        collect(client.sendMessageStream(ask('hello'))),
        /runs as much as it may/,
      );
      assert.equal(agent.runs, 1);
      agent.release();
    });
  });
}

test('tasks outlive the process that made them', async () => {
  using database = freshSqlite();
  const { pipeline } = agentPipeline();
  const { id, contextId } = await (async () => {
    await using api = await serveApp(pipeline, { store: database.url });
    const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
    return await send(client, 'multi', { contextId: 'c' });
  })();
  await using api = await serveApp(pipeline, { store: database.url });
  const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
  const task = await get(client, id);
  assert.deepEqual([stateOf(task), ...textsOf(task)], ['TASK_STATE_COMPLETED', 'one', 'two']);
  const next = await send(client, 'history', { contextId });
  assert.deepEqual(textsOf(next), ['multi|one|two|history']);
});

test('a task is followed and cancelled by another process than the one that runs it', async () => {
  await using database = await emptiedDatabase();
  const agent = agentPipeline();
  await using one = await serveApp(agent.pipeline, { store: database.url });
  await using two = await serveApp(agent.pipeline, { store: database.url });
  const here = await a2aClient(one.origin, { binding: 'JSONRPC' });
  const there = await a2aClient(two.origin, { binding: 'JSONRPC' });
  const { id } = await send(here, 'wait', { returnImmediately: true });
  const joined = there.resubscribeTask({ tenant: '', id });
  assert.equal((await joined.next()).value?.payload?.$case, 'task');
  const piece = await joined.next();
  assert.equal(piece.value && summaryOf(piece.value), '=beginning ');
  const task = await cancel(there, id);
  await agent.stopped;
  assert.deepEqual([stateOf(task), ...textsOf(task)], ['TASK_STATE_CANCELED', 'beginning ']);
  assert.equal((await collect(joined)).map(summaryOf).at(-1), 'TASK_STATE_CANCELED');
});
