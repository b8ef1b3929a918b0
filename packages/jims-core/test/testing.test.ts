import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newEvent } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import { runPipeline } from 'jims-core/testing';

test('a pipeline is run on messages of one thread, and gives a turn for each', async () => {
  const turns = await runPipeline(
    (ctx) => ctx.sendMessage(`${ctx.lastUserMessage}, ${ctx.history.length}`),
    ['one', 'two'],
  );
  assert.deepEqual(
    turns.map(({ messages }) => messages),
    [['one, 1'], ['two, 3']],
  );
});

test('a turn has what the pipeline sent, its statuses, its deltas and the state of the thread', async () => {
  async function* words(): AsyncGenerator<string> {
    yield 'Hello ';
    yield 'there';
  }
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    ctx.updateAgentStatus('Thinking');
    ctx.setState('count', { of: ctx.history.length });
    await ctx.sendMessage(words());
    ctx.sendEvent('rag.sources', { n: 1 });
  };
  const [first, second] = await runPipeline(pipeline, ['a', 'b']);
  assert.deepEqual(first?.statuses, [{ message: 'Thinking', statusType: 'status' }]);
  assert.equal(first.deltas.join(''), 'Hello there');
  assert.deepEqual(first.messages, ['Hello there']);
  assert.deepEqual(
    first.sent.map(({ type }) => type),
    ['state.set.count', 'comm.assistant_message', 'rag.sources'],
  );
  assert.deepEqual(first.state, { count: { of: 1 } });
  assert.deepEqual(second?.state, { count: { of: 3 } });
});

test('a pipeline that throws ends its turn with the error, and the next message is taken', async () => {
  const pipeline = (ctx: ThreadContext): void => {
    ctx.sendMessage('begun');
    if (ctx.lastUserMessage === 'fail') throw new TypeError('broken');
  };
  const [failed, next] = await runPipeline(pipeline, ['fail', 'go on']);
  assert.ok(failed?.end.type === 'error');
  assert.equal(failed.end.error.code, 'pipeline_failed');
  assert.ok(failed.end.error.cause instanceof TypeError);
  assert.deepEqual(failed.messages, ['begun']);
  assert.equal(next?.end.type, 'result');
});

test('a message may be any event, and the thread may have a config, a contact and a beginning', async () => {
  const click = newEvent('comm.user_button_click', { role: 'user', content: 'large' });
  const [turn] = await runPipeline(
    (ctx) =>
      ctx.sendMessage(
        `${ctx.lastUserAction?.name} ${ctx.contactId} ${String(ctx.threadConfig['plan'])}`,
      ),
    [click],
    {
      contactId: 'anna',
      threadConfig: { plan: 'gold' },
      conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome'),
    },
  );
  assert.deepEqual(turn?.messages, ['Welcome', 'user_button_click anna gold']);
});
