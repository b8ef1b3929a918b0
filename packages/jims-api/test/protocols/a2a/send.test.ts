import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Task } from '@a2a-js/sdk';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import {
  BINDINGS,
  a2aClient,
  ask,
  collect,
  send,
  summaryOf,
  stateOf,
  textOf,
  textPart,
  textsOf,
  withHeaders,
} from './a2a-client.ts';

for (const binding of BINDINGS) {
  describe(`sending by ${binding}`, () => {
    test('the answer is a finished task with an artifact for every message', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'multi');
      assert.equal(stateOf(task), 'TASK_STATE_COMPLETED');
      assert.deepEqual(textsOf(task), ['one', 'two']);
      assert.match(task.status?.timestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual(
        task.history.map(({ parts }) => textOf(parts)),
        ['multi'],
      );
      const threadId = task.metadata?.['thread_id'];
      assert.equal(task.contextId, threadId);
      assert.equal((await api.app.runs.record(task.id))?.thread.id, threadId);
    });

    test('a message keeps the id that its client gave it, wherever its task is shown', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const request = ask('multi');
      const idsOf = ({ history }: Pick<Task, 'history'>): string[] =>
        history.map(({ messageId }) => messageId);
      const ids = [request.message?.messageId];
      const task = await client.sendMessage(request);
      assert.ok('history' in task);
      assert.deepEqual(idsOf(task), ids);
      const got = await client.getTask({ tenant: '', id: task.id, historyLength: undefined });
      assert.deepEqual(idsOf(got), ids);
      const [first] = await collect(client.sendMessageStream(request));
      assert.ok(first?.payload?.$case === 'task');
      assert.deepEqual(idsOf(first.payload.value), ids);
    });

    test('two messages in one context share a thread, also a context that the client named', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const first = await send(client, 'hello');
      const second = await send(client, 'history', { contextId: first.contextId });
      assert.deepEqual(textsOf(second), ['hello|Echo: hello|history']);
      assert.notEqual(second.id, first.id);
      const named = await send(client, 'hi', { contextId: 'chat 1/ü' });
      assert.equal(named.contextId, 'chat 1/ü');
      const again = await send(client, 'history', { contextId: 'chat 1/ü' });
      assert.deepEqual(textsOf(again), ['hi|Echo: hi|history']);
      assert.equal(again.metadata?.['thread_id'], named.metadata?.['thread_id']);
    });

    test('a context belongs to its contact: another contact has their own of the same name', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      await send(client, 'mine', { contextId: 'chat', contactId: 'customer:1' });
      const other = await send(client, 'history', { contextId: 'chat', contactId: 'customer:2' });
      assert.deepEqual(textsOf(other), ['history']);
      const who = await send(client, 'whoami', { contextId: 'chat', contactId: 'customer:1' });
      assert.deepEqual(textsOf(who), ['customer:1']);
    });

    test('buttons are in the metadata of their message', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'buttons');
      assert.deepEqual(textsOf(task), ['pick']);
      assert.deepEqual(task.artifacts[0]?.metadata?.['buttons'], [
        { text: 'A', id: 'a' },
        { text: 'B', id: 'b' },
      ]);
    });

    test('what is internal does not leave', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'secrets');
      assert.deepEqual(textsOf(task), ['<data>', 'done']);
      assert.doesNotMatch(JSON.stringify(task), /hidden|secret"/);
    });

    test('a failed pipeline is a failed task that says which request to look for', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'boom', {}, withHeaders({ 'x-request-id': 'r-1' }));
      assert.equal(stateOf(task), 'TASK_STATE_FAILED');
      assert.equal(textOf(task.status?.message?.parts), 'Pipeline error (request r-1)');
      const later = await client.getTask({ tenant: '', id: task.id, historyLength: undefined });
      assert.equal(stateOf(later), 'TASK_STATE_FAILED');
      assert.equal(textOf(later.status?.message?.parts), 'Pipeline error');
    });

    test('the same request sent again with its key is answered with the same task', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline);
      const client = await a2aClient(api.origin, { binding });
      const key = withHeaders({ 'Idempotency-Key': 'key-1' });
      const request = ask('hello', { contactId: 'c' });
      const once = await client.sendMessage(request, key);
      const twice = await client.sendMessage(request, key);
      assert.ok('id' in once && 'id' in twice);
      assert.equal(twice.id, once.id);
      assert.deepEqual(textsOf(twice), ['Echo: hello']);
      const streamed = await collect(client.sendMessageStream(request, key));
      assert.deepEqual(streamed.map(summaryOf).slice(1), ['=Echo: hello.', 'TASK_STATE_COMPLETED']);
      assert.equal(agent.runs, 1);
      await assert.rejects(send(client, 'another', {}, key), /used for another request/);
    });

    test('data is read as its JSON, after a media type of its own', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const data = { ...textPart(''), content: { $case: 'data', value: { n: [1] } } } as const;
      const task = await send(client, '', { parts: [data] });
      assert.deepEqual(textsOf(task), ['Echo: {"n":[1]}']);
      assert.equal(textOf(task.history[0]?.parts), '{"n":[1]}');
      // In 0.3 data has no media type.
      if (binding === 'JSONRPC of 0.3') return;
      const geo = { ...data, mediaType: 'application/geo+json' };
      const mixed = await send(client, '', { parts: [textPart('Here:'), geo] });
      assert.deepEqual(textsOf(mixed), ['Echo: Here:\napplication/geo+json\n{"n":[1]}']);
    });

    test('a message with a file at another address is refused, and so is one without parts', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const url = { $case: 'url', value: 'https://example.com/x.png' } as const;
      const file = { ...textPart(''), content: url, mediaType: 'image/png' };
      await assert.rejects(send(client, '', { parts: [textPart('see'), file] }), {
        name: 'ContentTypeNotSupportedError',
      });
      await assert.rejects(send(client, '', { parts: [] }), /message\.parts/);
      const both = await send(client, '', { parts: [textPart('one'), textPart('two')] });
      assert.deepEqual(textsOf(both), ['Echo: one\ntwo']);
    });

    test('a wrong key is refused before anything else', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline, { apiKeys: ['s3cret'] });
      const stranger = await a2aClient(api.origin, { binding, key: 'wrong' });
      await assert.rejects(send(stranger, 'hello'), /401|Unauthorized/);
      assert.equal(agent.runs, 0);
      const client = await a2aClient(api.origin, { binding, key: 's3cret' });
      assert.deepEqual(textsOf(await send(client, 'hello')), ['Echo: hello']);
    });
  });
}
