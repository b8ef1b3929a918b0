import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { testApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';
import {
  BINDINGS,
  a2aClient,
  ask,
  collect,
  send,
  stateOf,
  summaryOf,
  textOf,
  withHeaders,
} from './a2a-client.ts';

const URI = 'urn:jims:a2a:answers-in-status:v1';

for (const binding of BINDINGS) {
  describe(`answers in the last status by ${binding}`, () => {
    const name = binding === 'JSONRPC of 0.3' ? 'X-A2A-Extensions' : 'A2A-Extensions';
    const wanted = withHeaders({ [name]: `https://example.com/other/v1, ${URI}` });

    test('are there for a client that wants them, however it looks at the task', async () => {
      await using api = await serveApp(agentPipeline().pipeline);
      const client = await a2aClient(api.origin, { binding });
      const card = await client.getAgentCard();
      if (binding !== 'JSONRPC of 0.3') {
        assert.deepEqual(
          card.capabilities?.extensions.map(({ uri }) => uri),
          [URI],
        );
      }
      const task = await send(client, 'multi', {}, wanted);
      assert.deepEqual(
        task.status?.message?.parts.map((part) => textOf([part])),
        ['one', 'two'],
      );
      assert.equal(task.artifacts.length, 2);
      const request = { tenant: '', id: task.id, historyLength: undefined };
      const got = await client.getTask(request, wanted);
      assert.deepEqual(got.status?.message, task.status.message);
      assert.equal((await client.getTask(request)).status?.message, undefined);

      const events = await collect(client.sendMessageStream(ask('status'), wanted));
      assert.deepEqual(events.map(summaryOf).slice(3), ['=found.', 'TASK_STATE_COMPLETED found']);
      const plain = await collect(client.sendMessageStream(ask('status')));
      assert.equal(plain.map(summaryOf).at(-1), 'TASK_STATE_COMPLETED');
    });

    test('grow in it while they are streamed', async () => {
      await using api = await serveApp(async (ctx) => {
        const words = Array.from({ length: 100 }, (_, n) => `word${n} `);
        await ctx.sendMessage(ReadableStream.from(words));
      });
      const client = await a2aClient(api.origin, { binding });
      const events = await collect(client.sendMessageStream(ask('hello'), wanted));
      const texts = events.flatMap(({ payload }) =>
        payload?.$case === 'statusUpdate' ? [textOf(payload.value.status?.message?.parts)] : [],
      );
      const whole = texts.at(-1) ?? '';
      assert.match(whole, /^word0 .*word99 $/);
      assert.ok(texts.length > 2, 'it was not seen before its end');
      assert.ok(texts.join('').length < 7 * whole.length, 'it was said too often');
      for (const text of texts) assert.ok(whole.startsWith(text));
    });

    test('come before a question, which stays what it is, and a failure has its own words', async () => {
      await using api = await serveApp(async (ctx) => {
        if (ctx.lastUserMessage === 'boom') throw new Error('kaboom');
        ctx.sendMessage('First this.');
        await ctx.ask('Which one?');
      });
      const client = await a2aClient(api.origin, { binding });
      const task = await send(client, 'hello', {}, wanted);
      assert.equal(stateOf(task), 'TASK_STATE_INPUT_REQUIRED');
      const { parts = [], metadata } = task.status?.message ?? {};
      assert.deepEqual(
        parts.map((part) => textOf([part])),
        ['First this.', 'Which one?'],
      );
      assert.ok(metadata?.['question_id']);
      const failed = await send(client, 'boom', {}, wanted);
      assert.match(textOf(failed.status?.message?.parts), /^Pipeline error/);
    });
  });
}

test('an answer says that the extension is used', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const message = { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hello' }] };
  for (const path of ['/a2a/rest/message:send', '/a2a/rest/message:stream']) {
    const used = await api.post(path, { message }, { 'a2a-extensions': URI });
    assert.equal(used.headers.get('a2a-extensions'), URI);
    await used.text();
    const other = await api.post(path, { message }, { 'a2a-extensions': `${URI}x` });
    assert.equal(other.headers.get('a2a-extensions'), null);
    assert.doesNotMatch(await other.text(), /ROLE_AGENT/);
  }
});
