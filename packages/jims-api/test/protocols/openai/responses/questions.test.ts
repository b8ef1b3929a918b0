import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { askingPipeline } from '../../../support/asking-pipeline.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

test('a response that asks names its question, and the next one after it answers', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const first = await client.responses.create({ input: 'refund' });
  assert.equal(first.status, 'completed');
  assert.equal(first.output_text, 'Refund it?');
  const questionId = first.metadata?.['question_id'] ?? '';
  assert.equal((await served.app.questions.find(questionId))?.state, 'open');
  const later = await client.responses.retrieve(first.id);
  assert.deepEqual(later.metadata, first.metadata);

  const answer = await client.responses.create({ input: 'No', previous_response_id: first.id });
  assert.equal(answer.output_text, 'comm.user_message no: No');
  assert.equal(answer.metadata?.['question_id'], undefined);
  assert.equal(answer.metadata?.['thread_id'], first.metadata?.['thread_id']);
  assert.equal((await served.app.questions.find(questionId))?.state, 'answered');
});

test('a message to the conversation answers, and a fork of it has no question', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const { id: conversation } = await client.conversations.create();
  const first = await client.responses.create({ input: 'refund', conversation });
  const answer = await client.responses.create({ input: 'perhaps', conversation });
  assert.equal(answer.output_text, 'comm.user_message none: perhaps');
  const other = await client.responses.create({ input: 'yes', previous_response_id: first.id });
  assert.equal(other.output_text, 'Refund it?');
  const items = await client.conversations.items.list(conversation, { order: 'asc' });
  assert.equal(items.data.length, 4);
});

test('steps with a title are reasoning summaries, as statuses are', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const stream = client.responses.stream({ input: 'refund' });
  const events: unknown[] = [];
  for await (const event of stream) events.push(event);
  const { output, metadata } = await stream.finalResponse();
  const summaries = output.flatMap((item) => (item.type === 'reasoning' ? item.summary : []));
  assert.deepEqual(
    summaries.map(({ text }) => text),
    ['Looking up the order', 'Trying the card'],
  );
  assert.ok(metadata?.['question_id']);
  assert.doesNotMatch(JSON.stringify(events), /secret/);
});

test('what is not stored cannot be answered', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const response = await client.responses.create({ input: 'refund', store: false });
  assert.equal(response.output_text, 'Refund it?No way: unavailable');
});

test('what comes of a service’s answer is in the conversation, and a question to it is not named', async () => {
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const approval = await ctx.ask({ to: 'service', name: 'approve' });
    ctx.sendMessage(
      approval.kind === 'value' ? `Approved: ${String(approval.value)}` : approval.kind,
    );
  };
  await using served = await serveApp({ pipeline });
  const { client } = openAiClient(served);
  const { id: conversation } = await client.conversations.create();
  const first = await client.responses.create({ input: 'refund', conversation });
  assert.equal(first.status, 'completed');
  assert.deepEqual(Object.keys(first.metadata ?? {}), ['thread_id']);
  const { questions } = await served.app.questions.list({ state: 'open', limit: 10 });
  const questionId = questions[0]?.questionId ?? '';
  const run = await served.app.questions.answer({ questionId, value: true });
  await run.end;
  const { data } = await client.conversations.items.list(conversation);
  const [last] = data;
  assert.ok(last?.type === 'message');
  const next = { input: [{ type: 'item_reference', id: last.id } as const, said('more')] };
  const more = await client.responses.create(next);
  assert.equal(more.metadata?.['thread_id'], first.metadata?.['thread_id']);
});

function said(content: string): { role: 'user'; content: string } {
  return { role: 'user', content };
}
