import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';
import { scriptedModel, testUser, toolCall } from 'jims-core/testing';
import * as v from 'valibot';

const answering = defineApp((ctx) => ctx.sendMessage(ctx.llm.stream(ctx.context())));

test('a scripted model gives its answers in order: texts, JSON, calls together, what a function says', async () => {
  const seen: string[] = [];
  const app = defineApp(async (ctx) => {
    const wish = await ctx.llm.chatCompletionStructured(
      ctx.context(),
      v.object({ kind: v.string() }),
    );
    const execute = ({ id }: { id: string }): void => void seen.push(id);
    const find = { description: 'Finds', schema: v.object({ id: v.string() }), execute };
    await ctx.sendMessage(ctx.llm.run(ctx.context(), { tools: { find } }));
    const { content, finishReason } = await ctx.llm.chatCompletionPlain(ctx.context());
    ctx.sendMessage(`${wish.kind}: ${content} (${finishReason})`);
  });
  const model = scriptedModel([
    { json: { kind: 'order' } },
    [toolCall('find', { id: '7' }), toolCall('find', { id: '8' })],
    (prompt) => `${prompt.filter(({ role }) => role === 'tool').length} results`,
    { text: 'Cut', finishReason: 'length' },
  ]);
  const answer = await testUser(app, { model }).say('Both');
  assert.deepEqual(answer.messages, ['2 results', 'order: Cut (length)']);
  assert.deepEqual(seen, ['7', '8']);
  assert.deepEqual(
    model.requests[1]?.tools?.map(({ name }) => name),
    ['find'],
  );
  model.done();
});

test('a model that has no answer left fails the test with the prompt, also where the app apologizes', async () => {
  const app = defineApp(async (ctx) => {
    try {
      await ctx.sendMessage(
        ctx.llm.stream([{ role: 'system', content: 'Be brief' }, ...ctx.context()]),
      );
    } catch {
      ctx.sendMessage('Sorry');
    }
  });
  const model = scriptedModel(['One']);
  const user = testUser(app, { model });
  assert.equal((await user.say('First')).text, 'One');
  await assert.rejects(user.say('Second'), {
    message: `The scripted model has 1 answer, and this is one request more:
  system: Be brief
  user: First
  assistant: One
  user: Second`,
  });
  await assert.rejects(testUser(answering).say('Hi'), /has 0 answers.*user: Hi/s);
});

test('a model fails where the script says so, and the app may apologize', async () => {
  const app = defineApp(async (ctx) => {
    const said = await ctx.llm
      .chatCompletionPlain(ctx.context())
      .catch(() => ({ content: 'Sorry' }));
    ctx.sendMessage(String(said.content));
  });
  const user = testUser(app, {
    model: scriptedModel([new Error('down'), { error: 'still down' }, 'Up']),
  });
  const texts = [await user.say('1'), await user.say('2'), await user.say('3')];
  assert.deepEqual(
    texts.map(({ text }) => text),
    ['Sorry', 'Sorry', 'Up'],
  );
  const model = scriptedModel([new Error('down')]);
  await assert.rejects(testUser(answering, { model }).say('Hi'), { code: 'llm_failed' });
});

test('done names the answers that were not used', async () => {
  const model = scriptedModel(['One', toolCall('find', { id: '7' }), new Error('down')]);
  await testUser(answering, { model }).say('Hi');
  assert.throws(() => model.done(), {
    message: `The scripted model has 3 answers, and got 1 requests. Not used:
  2. {"calls":[{"name":"find","input":{"id":"7"}}]}
  3. the error 'down'`,
  });
});
