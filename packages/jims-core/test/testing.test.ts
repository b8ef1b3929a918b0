import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newEvent } from 'jims-core';
import type { ThreadContext } from 'jims-core';

import { replayTwice, runPipeline } from './support/run-pipeline.ts';

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

test('a turn has the steps of the pipeline and its question, and a service answers by its name', async () => {
  const [asks, answered] = await runPipeline(
    async (ctx) => {
      const order = await ctx.step('find', () => ({ eur: 5 }), { title: 'Looking' });
      const answer = await ctx.ask({ to: 'service', name: 'approve', data: order });
      ctx.sendMessage(answer.kind === 'value' ? `Approved: ${JSON.stringify(answer.value)}` : '-');
    },
    ['refund', { to: 'approve', value: true }],
  );
  const find = { id: 'find/1', name: 'find', title: 'Looking' };
  assert.deepEqual(asks?.steps, [
    { ...find, status: 'running' },
    { ...find, status: 'completed', output: { eur: 5 } },
  ]);
  assert.equal(asks.question?.name, 'approve');
  assert.deepEqual(asks.question.data, { eur: 5 });
  assert.deepEqual(answered?.messages, ['Approved: true']);
  assert.deepEqual(answered.steps, []);
});

test('a pipeline that does the same each time passes replayTwice', async () => {
  let calls = 0;
  await replayTwice(
    async (ctx) => {
      const number = await ctx.step('draw', () => ({ number: calls++ }));
      const answer = await ctx.ask(`Is it ${number.number}?`);
      const at = ctx.now() + ctx.random();
      ctx.sendMessage(`${answer.kind} at ${at}`);
      const service = await ctx.ask({ to: 'service', name: 'check' });
      ctx.sendMessage(service.kind);
    },
    ['hi', 'yes', { to: 'check', value: 1 }, 'next'],
  );
  assert.equal(calls, 2);
});

test('replayTwice says what a pipeline does otherwise when it is executed again', async () => {
  let calls = 0;
  await assert.rejects(
    replayTwice((ctx) => ctx.sendMessage(`call ${++calls}`), ['hi']),
    /The 1\. event was .*call 1.*the second time .*call 2.*belongs into a step/,
  );
  const other = replayTwice(
    async (ctx) => {
      if (++calls % 2 === 0) ctx.sendMessage('sometimes');
      await ctx.step('always', () => 1);
    },
    ['hi'],
  );
  await assert.rejects(other, /its step 'always' comes at another place/);
});
