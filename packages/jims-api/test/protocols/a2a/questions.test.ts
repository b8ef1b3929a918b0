import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import type { Task } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import type { ThreadContext } from 'jims-core';

import { freshDatabase } from '../../../../jims-core/test/support/postgres.ts';
import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import {
  BINDINGS,
  a2aClient,
  ask,
  collect,
  send,
  stateOf,
  summaryOf,
  textOf,
  textsOf,
  withHeaders,
} from './a2a-client.ts';

const UNSUPPORTED = { name: 'UnsupportedOperationError' };

function get(client: Client, id: string, historyLength?: number): Promise<Task> {
  return client.getTask({ tenant: '', id, historyLength });
}

/** Joins a task: what comes first, and what follows to the end. */
async function subscribed(
  client: Client,
  id: string,
): Promise<{ readonly first: string; readonly rest: Promise<string[]> }> {
  const events = client.resubscribeTask({ tenant: '', id });
  const { value } = await events.next();
  const rest = collect(events);
  return {
    first: value ? summaryOf(value) : 'none',
    rest: rest.then((all) => all.map(summaryOf)),
  };
}

function said({ history }: Task): string[] {
  return history.map(({ parts }) => textOf(parts));
}

/** Asks a service, and says what it answered. */
async function approvedPipeline(ctx: ThreadContext): Promise<void> {
  ctx.sendMessage('I will ask');
  const approval = await ctx.ask({ to: 'service', name: 'secret approval' });
  ctx.sendMessage(approval.kind === 'value' ? 'Approved' : approval.kind);
}

async function approve({ app }: ServedApp): Promise<void> {
  const { questions } = await app.questions.list({ state: 'open', limit: 10 });
  const [question, ...more] = questions;
  assert.deepEqual(more, []);
  const questionId = question?.questionId ?? '';
  await (
    await app.questions.answer({ questionId, value: true })
  ).end;
}

for (const binding of BINDINGS) {
  describe(`questions by ${binding}`, () => {
    test('a task that asks requires input, and the next message of it goes on with it', async () => {
      await using api = await serveApp({ pipeline: askingPipeline });
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'refund');
      assert.equal(stateOf(task), 'TASK_STATE_INPUT_REQUIRED');
      assert.equal(textOf(task.status?.message?.parts), 'Refund it?');
      assert.doesNotMatch(JSON.stringify(task), /secret/);
      const { id: taskId, contextId } = task;
      const waiting = await get(client, taskId);
      assert.equal(stateOf(waiting), 'TASK_STATE_INPUT_REQUIRED');
      assert.deepEqual(waiting.status?.message, task.status?.message);

      const answered = await send(client, 'btn:yes', { taskId, contextId });
      assert.equal(answered.id, taskId);
      assert.equal(stateOf(answered), 'TASK_STATE_COMPLETED');
      assert.deepEqual(task.artifacts, []);
      const texts = ['comm.user_button_click yes: yes'];
      assert.deepEqual(textsOf(answered), texts);
      const whole = await get(client, taskId);
      assert.deepEqual([stateOf(whole), ...textsOf(whole)], ['TASK_STATE_COMPLETED', ...texts]);
      assert.deepEqual(said(whole), ['refund', 'Refund it?', 'yes']);
      assert.deepEqual(said(await get(client, taskId, 2)), ['Refund it?', 'yes']);
      assert.deepEqual(said(await get(client, taskId, 5)), ['refund', 'Refund it?', 'yes']);
      await assert.rejects(send(client, 'more', { taskId }), UNSUPPORTED);
      const threads = await api.app.threads.list({ limit: 10 });
      assert.equal(threads.threads.length, 1);
    });

    test('a stream of a task ends when it asks; steps with a title are its statuses', async () => {
      await using api = await serveApp({ pipeline: askingPipeline });
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(client.sendMessageStream(ask('refund')));
      assert.deepEqual(events.map(summaryOf), [
        'task TASK_STATE_SUBMITTED',
        'TASK_STATE_WORKING Looking up the order step',
        'TASK_STATE_WORKING Trying the card step',
        'TASK_STATE_INPUT_REQUIRED Refund it?',
      ]);
      assert.doesNotMatch(JSON.stringify(events), /secret/);
      const [first] = events;
      assert.ok(first?.payload?.$case === 'task');
      const { id } = first.payload.value;
      const joined = await subscribed(client, id);
      assert.equal(joined.first, 'task TASK_STATE_INPUT_REQUIRED');

      const rest = await collect(client.sendMessageStream(ask('no', { taskId: id })));
      assert.deepEqual(rest.map(summaryOf), [
        'task TASK_STATE_SUBMITTED',
        '=comm.user_message no: no.',
        'TASK_STATE_COMPLETED',
      ]);
      assert.deepEqual(await joined.rest, [
        'TASK_STATE_WORKING',
        '=comm.user_message no: no.',
        'TASK_STATE_COMPLETED',
      ]);
      assert.ok(rest[0]?.payload?.$case === 'task');
      assert.equal(rest[0].payload.value.id, id);
      assert.deepEqual(said(rest[0].payload.value), ['refund', 'Refund it?', 'no']);
    });

    test('a message to the context alone answers, too, and is part of the task that asked', async () => {
      await using api = await serveApp({ pipeline: askingPipeline });
      const client = await a2aClient(api.origin, { binding });
      const { id, contextId } = await send(client, 'refund', { contextId: 'chat' });
      const answered = await send(client, 'perhaps', { contextId });
      assert.equal(answered.id, id);
      assert.equal(textsOf(answered).at(-1), 'comm.user_message none: perhaps');
      const next = await send(client, 'refund', { contextId });
      assert.notEqual(next.id, id);
      // The one before does not wait any more.
      await assert.rejects(send(client, 'yes', { taskId: id }), UNSUPPORTED);
      assert.equal(stateOf(await get(client, next.id)), 'TASK_STATE_INPUT_REQUIRED');
    });

    test('the same answer, sent again with its key, is the same task', async () => {
      await using api = await serveApp({ pipeline: askingPipeline });
      const client = await a2aClient(api.origin, { binding });
      const { id: taskId } = await send(client, 'refund');
      const key = withHeaders({ 'idempotency-key': randomUUID() });
      const request = ask('yes', { taskId });
      for (const time of ['first', 'second']) {
        const task = await client.sendMessage(request, key);
        assert.ok('artifacts' in task);
        assert.equal(task.id, taskId, time);
        assert.deepEqual(textsOf(task), ['comm.user_message yes: yes'], time);
      }
      const { threads } = await api.app.threads.list({ limit: 10 });
      const { events } = await api.app.threads.events(threads[0]?.id ?? '', { limit: 50 });
      assert.equal(events.filter(({ type }) => type === 'comm.user_message').length, 2);
    });

    test('a cancelled task that waits withdraws its question, and one that is answered stays', async () => {
      await using api = await serveApp({ pipeline: askingPipeline });
      const client = await a2aClient(api.origin, { binding });
      const { id } = await send(client, 'refund');
      const request = { tenant: '', id, metadata: undefined };
      const cancelled = await client.cancelTask(request);
      assert.equal(stateOf(cancelled), 'TASK_STATE_CANCELED');
      assert.deepEqual(said(cancelled), ['refund', 'Refund it?']);
      assert.equal(stateOf(await get(client, id)), 'TASK_STATE_CANCELED');
      await assert.rejects(client.cancelTask(request), { name: 'TaskNotCancelableError' });
      await assert.rejects(send(client, 'yes', { taskId: id }), UNSUPPORTED);
      await assert.rejects(collect(client.resubscribeTask({ tenant: '', id })), UNSUPPORTED);
    });

    test('a task that waits for a service works, and is completed when that has answered', async () => {
      await using api = await serveApp({ pipeline: approvedPipeline });
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(client.sendMessageStream(ask('refund')));
      assert.equal(events.map(summaryOf).at(-1), 'TASK_STATE_WORKING');
      assert.doesNotMatch(JSON.stringify(events), /secret/);
      assert.ok(events[0]?.payload?.$case === 'task');
      const { id } = events[0].payload.value;
      assert.equal(stateOf(await get(client, id)), 'TASK_STATE_WORKING');
      await assert.rejects(send(client, 'approved', { taskId: id }), UNSUPPORTED);
      const joined = await subscribed(client, id);
      assert.equal(joined.first, 'task TASK_STATE_WORKING');
      await approve(api);
      assert.deepEqual(await joined.rest, [
        'TASK_STATE_WORKING',
        '=Approved.',
        'TASK_STATE_COMPLETED',
      ]);
      const task = await get(client, id);
      assert.equal(stateOf(task), 'TASK_STATE_COMPLETED');
      assert.deepEqual(textsOf(task), ['I will ask', 'Approved']);
      assert.deepEqual(said(task), ['refund']);
    });

    test('a run that an answer has started is not found as a task', async () => {
      await using api = await serveApp({ pipeline: askingPipeline });
      const client = await a2aClient(api.origin, { binding });
      const { id } = await send(client, 'refund');
      await send(client, 'yes', { taskId: id });
      const record = await api.app.runs.record(id);
      const answeredBy = record?.question?.answeredBy ?? '';
      assert.notEqual(answeredBy, '');
      await assert.rejects(get(client, answeredBy), { name: 'TaskNotFoundError' });
    });
  });
}

test('another contact cannot answer the question of a task', async () => {
  await using api = await serveApp({ pipeline: askingPipeline });
  const client = await a2aClient(api.origin, { binding: 'JSONRPC' });
  const { id: taskId } = await send(client, 'refund', { contactId: 'anna' });
  await assert.rejects(send(client, 'yes', { taskId, contactId: 'bert' }), {
    name: 'TaskNotFoundError',
  });
  assert.equal(stateOf(await get(client, taskId)), 'TASK_STATE_INPUT_REQUIRED');
});

test('a task that waits is followed in another process than the one that is answered', async () => {
  await using database = await freshDatabase();
  const store = database.url;
  await using one = await serveApp({ pipeline: askingPipeline }, { store });
  await using two = await serveApp({ pipeline: askingPipeline }, { store });
  const here = await a2aClient(one.origin, { binding: 'JSONRPC' });
  const there = await a2aClient(two.origin, { binding: 'JSONRPC' });
  const [answered, cancelled] = [await send(here, 'refund'), await send(here, 'refund')];
  const [first, second] = [
    await subscribed(there, answered.id),
    await subscribed(there, cancelled.id),
  ];
  await send(here, 'yes', { taskId: answered.id });
  await here.cancelTask({ tenant: '', id: cancelled.id, metadata: undefined });
  assert.equal((await first.rest).at(-1), 'TASK_STATE_COMPLETED');
  assert.deepEqual(await second.rest, ['TASK_STATE_CANCELED']);
});
