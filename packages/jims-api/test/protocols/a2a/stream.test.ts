import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { BINDINGS, a2aClient, ask, collect, stateOf, textsOf, summaryOf } from './a2a-client.ts';

for (const binding of BINDINGS) {
  describe(`streaming by ${binding}`, () => {
    async function streamOf(message: string): Promise<string[]> {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      return (await collect(client.sendMessageStream(ask(message)))).map(summaryOf);
    }

    test('a message comes piece by piece, each piece the new text alone', async () => {
      assert.deepEqual(await streamOf('stream'), [
        'task TASK_STATE_SUBMITTED',
        '=one ',
        '+two ',
        '+three',
        'TASK_STATE_COMPLETED',
      ]);
    });

    test('statuses are updates that say what the app does', async () => {
      assert.deepEqual(await streamOf('status'), [
        'task TASK_STATE_SUBMITTED',
        'TASK_STATE_WORKING Searching… searching',
        'TASK_STATE_WORKING plain status',
        '=found.',
        'TASK_STATE_COMPLETED',
      ]);
    });

    test('every message is an artifact of its own', async () => {
      const pieces = (await streamOf('multi')).filter((line) => /^[=+]/.test(line));
      assert.deepEqual(pieces, ['=one.', '=two.']);
    });

    test('every update of an artifact has a part, also buttons under no text', async () => {
      await using api = await serveApp(async (ctx) => {
        await ctx.sendMessage(ReadableStream.from(['one ', 'two']));
        ctx.sendMessage('');
        ctx.sendMessage('x'.repeat(40_000));
        ctx.sendMessageWithButtons('', [{ text: 'A', id: 'a' }]);
      });
      const client = await a2aClient(api.origin, { binding });
      const updates = (await collect(client.sendMessageStream(ask('hello')))).flatMap(
        ({ payload }) => (payload?.$case === 'artifactUpdate' ? [payload.value] : []),
      );
      assert.deepEqual(
        updates.map(({ artifact, append, lastChunk }) => [
          artifact?.parts.length,
          append,
          lastChunk,
          artifact?.metadata !== undefined,
        ]),
        [
          [1, false, false, false],
          [1, true, false, false],
          [1, false, false, false],
          [1, true, false, false],
          [1, true, false, false],
          [1, true, true, false],
          [1, false, true, true],
        ],
      );
    });

    test('the last piece of a message has its buttons', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(client.sendMessageStream(ask('buttons')));
      const updates = events.flatMap(({ payload }) =>
        payload?.$case === 'artifactUpdate' ? [payload.value.artifact?.metadata] : [],
      );
      assert.deepEqual(updates.at(-1)?.['buttons'], [
        { text: 'A', id: 'a' },
        { text: 'B', id: 'b' },
      ]);
    });

    test('a failure is the last status of the stream', async () => {
      const lines = await streamOf('boom');
      assert.equal(lines.length, 2);
      assert.match(lines[1] ?? '', /^TASK_STATE_FAILED Pipeline error \(request .+\)$/);
    });

    test('a client that leaves the stream does not stop the task, and joins it again from its beginning', async () => {
      const agent = agentPipeline();
      await using api = await serveApp(agent.pipeline);
      const client = await a2aClient(api.origin, { binding });
      const leave = new AbortController();
      const stream = client.sendMessageStream(ask('held'), { signal: leave.signal });
      const { value } = await stream.next();
      assert.ok(value?.payload?.$case === 'task');
      const { id } = value.payload.value;
      leave.abort();
      await assert.rejects(collect(stream));
      const joined = client.resubscribeTask({ tenant: '', id });
      const first = await joined.next();
      assert.equal(first.value && summaryOf(first.value), 'task TASK_STATE_WORKING');
      agent.release();
      assert.deepEqual((await collect(joined)).map(summaryOf), [
        'TASK_STATE_WORKING holding status',
        '=let go.',
        'TASK_STATE_COMPLETED',
      ]);
      const task = await client.getTask({ tenant: '', id, historyLength: undefined });
      assert.deepEqual([stateOf(task), ...textsOf(task)], ['TASK_STATE_COMPLETED', 'let go']);
    });

    test('a task that is over cannot be joined any more', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const task = await client.sendMessage(ask('hello'));
      assert.ok('id' in task);
      await assert.rejects(collect(client.resubscribeTask({ tenant: '', id: task.id })), {
        name: 'UnsupportedOperationError',
      });
    });
  });
}
