import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import { chat, mcpClient } from './mcp-client.ts';

/** Says hello, and asks from the second message on. */
async function laterPipeline(ctx: ThreadContext): Promise<void> {
  if (ctx.history.length === 1) return ctx.sendMessage('hello');
  await askingPipeline(ctx);
}

test('a question is the tool’s answer, and the next call of that thread answers it', async () => {
  await using served = await serveApp({ pipeline: laterPipeline });
  await using mcp = await mcpClient(served.origin);
  const { threadId: thread_id } = await chat(mcp, 'hello');
  const question = await chat(mcp, 'refund', { thread_id });
  assert.deepEqual(question.texts, ['Refund it?']);
  assert.match(JSON.stringify(question.structured), /"text":"Yes, please"/);
  const answer = await chat(mcp, 'btn:yes', { thread_id });
  assert.deepEqual(answer.texts, ['comm.user_button_click yes: yes']);
});

test('a question in a new thread is answered by the thread_id that comes with it', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  await using mcp = await mcpClient(served.origin);
  const { texts, threadId: thread_id } = await chat(mcp, 'refund');
  assert.deepEqual(texts, ['Refund it?']);
  const answer = await chat(mcp, 'btn:yes', { thread_id });
  assert.deepEqual(answer.texts, ['comm.user_button_click yes: yes']);
});

test('steps with a title are progress, and nothing else of them is seen', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  await using mcp = await mcpClient(served.origin);
  const reported: unknown[] = [];
  const options = { onprogress: (progress: unknown) => void reported.push(progress) };
  const { structured } = await chat(mcp, 'refund', { options });
  assert.deepEqual(reported, [
    { progress: 1, message: 'Looking up the order' },
    { progress: 2, message: 'Trying the card' },
  ]);
  assert.doesNotMatch(JSON.stringify(structured), /secret/);
});
