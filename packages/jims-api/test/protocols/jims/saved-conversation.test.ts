// A conversation over HTTP is saved from the API's data, and replayed as a test.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { saveConversation } from 'jims-core/saved-conversation';
import type { RecordedConversation } from 'jims-core/saved-conversation';
import { replayConversation, scriptedModel, toolCall } from 'jims-core/testing';

import { app } from '../../../../../examples/support/app.ts';
import { jsonOf } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';

const CONTACT = 'customer:42';

test('a conversation with the support example is saved, and passes as a test', async () => {
  const number = '1042';
  const model = scriptedModel([
    { json: { kind: 'order', title: 'Order 1042' } },
    toolCall('find_order', { number }),
    { reasoning: 'Thursday, then.', text: 'On Thursday.' },
    { json: { kind: 'refund', title: 'Refund of order 1042' } },
    toolCall('refund', { number }),
    'Your money is on its way.',
    { json: { kind: 'colleague', title: 'A hole' } },
    new Error('the model is down'),
  ]);
  const { pipeline, conversationStartPipeline } = app;
  await using service = await serveApp(
    {
      durable: true,
      llm: { model },
      pipeline,
      ...(conversationStartPipeline && { conversationStartPipeline }),
    },
    { traces: true },
  );
  const get = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
    jsonOf(await fetch(`${service.origin}/api/v1/${path}`));
  const post = async (path: string, body: object): Promise<Readonly<Record<string, unknown>>> =>
    jsonOf(
      await fetch(`${service.origin}/api/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    );
  const say = (message: string): ReturnType<typeof post> =>
    post('chat', {
      contact_id: CONTACT,
      message,
      run_conversation_start_on_new_thread: true,
    });

  const { thread_id: threadId } = await say('Where is my order 1042?');
  await say('I want my money back');
  await say('yes');
  await say('Can I talk to a person?');
  const { questions } = await get('questions?state=open');
  assert.ok(Array.isArray(questions));
  const answered = await post(`questions/${questions[0].question_id}/answer`, {
    value: { text: 'I send you a new one' },
  });
  await service.app.runs.find(String(answered['run_id'])).then((run) => run?.end);
  await say('Hello?');

  const thread = await get(`threads/${String(threadId)}`);
  const { events } = await get(`threads/${String(threadId)}/events?internal=true&limit=200`);
  const { runs } = await get(`threads/${String(threadId)}/runs?limit=100`);
  assert.ok(Array.isArray(runs) && Array.isArray(events));
  const traces = await Promise.all(runs.map(({ run_id: id }) => get(`runs/${id}/trace`)));
  const recorded: RecordedConversation = JSON.parse(
    JSON.stringify({ thread, events, runs: traces }),
  );
  const saved = saveConversation(recorded);

  assert.deepEqual(saved.greeting, ['Hello! How can I help?']);
  assert.deepEqual(
    saved.turns.map((turn) => [turn.models?.length, turn.expect.messages?.at(-1)]),
    [
      [3, 'On Thursday.'],
      [2, 'Shall I pay €249 back?'],
      [1, 'Your money is on its way.'],
      [1, 'A colleague will answer you here. You may close this page.'],
      [0, 'I send you a new one'],
      [1, undefined],
    ],
  );
  await replayConversation(app, JSON.parse(JSON.stringify(saved)));
  const [first] = saved.turns;
  assert.ok(first);
  const changed = {
    ...saved,
    turns: [{ ...first, models: first.models?.toSpliced(2, 1, 'Friday') ?? [] }],
  };
  await assert.rejects(replayConversation(app, changed), /- On Thursday\.\n\s+\+ Friday/);
});
