import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithToolCalls,
  validateUIMessages,
} from 'ai';
import type { UIMessage } from 'ai';
import type { ThreadContext } from 'jims-core';
import * as v from 'valibot';

import { BUTTONS, askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';

const Question = v.object({
  message_id: v.string(),
  question_id: v.string(),
  text: v.string(),
  buttons: v.array(v.object({ id: v.string(), text: v.string() })),
});

/** A page whose calls of tools are answered by the page itself, as soon as they are complete. */
function chatAt(origin: string, messages: UIMessage[] = []): Chat<UIMessage> {
  const transport = new DefaultChatTransport({
    api: `${origin}/ai-sdk/chat`,
    body: { contact_id: 'c:1' },
  });
  const sendAutomaticallyWhen = lastAssistantMessageIsCompleteWithToolCalls;
  return new Chat({ id: 'chat', transport, messages, sendAutomaticallyWhen });
}

function lastTexts({ lastMessage }: Chat<UIMessage>): string[] {
  return (lastMessage?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : []));
}

function questionIn(message: UIMessage | undefined): v.InferOutput<typeof Question> {
  const parts = message?.parts.filter(({ type }) => type === 'data-question') ?? [];
  assert.equal(parts.length, 1);
  return v.parse(Question, Object(parts[0]).data);
}

test('steps with a title are tools of the server, and nothing else of them is seen', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const chat = chatAt(served.origin);
  await chat.sendMessage({ text: 'refund' });
  assert.equal(chat.status, 'ready');
  const tools = chat.lastMessage?.parts.flatMap((part) =>
    part.type === 'dynamic-tool' ? [part] : [],
  );
  assert.deepEqual(
    tools?.map(({ title, state, toolName }) => [title, state, toolName]),
    [
      ['Looking up the order', 'output-available', 'step'],
      ['Trying the card', 'output-error', 'step'],
      ['Refund it?', 'approval-requested', 'question'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(chat.messages), /secret/);
  await validateUIMessages({ messages: chat.messages });
  // It was not taken for a call that the page is to answer.
  assert.equal(chat.messages.length, 2);
});

test('a step that is stopped with its run has failed', async () => {
  const begun = Promise.withResolvers<void>();
  const pipeline = async (ctx: ThreadContext): Promise<void> => {
    const work = ({ signal }: { readonly signal: AbortSignal }): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        begun.resolve();
      });
    await ctx.step('wait', work, { title: 'Waiting' });
  };
  await using served = await serveApp({ pipeline });
  const chat = chatAt(served.origin);
  const over = chat.sendMessage({ text: 'go' });
  await begun.promise;
  const { threads } = await served.app.threads.list({ contactId: 'c:1', limit: 1 });
  const run = await served.app.runs.active(threads[0]?.id ?? '');
  run?.cancel();
  await over;
  const tool = chat.lastMessage?.parts.find((part) => part.type === 'dynamic-tool');
  assert.equal(tool?.state, 'output-error');
});

test('a question is its text and a part that names it, live and restored; the next message answers', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const chat = chatAt(served.origin);
  await chat.sendMessage({ text: 'refund' });
  const question = questionIn(chat.lastMessage);
  assert.deepEqual(lastTexts(chat), ['Refund it?']);
  assert.equal(question.text, 'Refund it?');
  assert.deepEqual(question.buttons, BUTTONS);

  const response = await fetch(`${served.origin}/ai-sdk/chat/chat?contact_id=c:1`);
  const messages: UIMessage[] = Object(await response.json()).messages;
  assert.deepEqual(questionIn(messages.at(-1)), question);
  const restored = chatAt(served.origin, messages);
  await restored.sendMessage({ text: 'btn:yes' });
  assert.deepEqual(lastTexts(restored), ['comm.user_button_click yes: yes']);
});

test('a message with the part of a question answers that one, or is refused', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const chat = chatAt(served.origin);
  await chat.sendMessage({ text: 'refund' });
  const { question_id } = questionIn(chat.lastMessage);
  const answer = (text: string): UIMessage['parts'] => [
    { type: 'text', text },
    { type: 'data-question', data: { question_id } },
  ];
  await chat.sendMessage({ parts: answer('btn:no') });
  assert.deepEqual(lastTexts(chat), ['comm.user_button_click no: no']);

  await chat.sendMessage({ text: 'refund again' });
  assert.notEqual(questionIn(chat.lastMessage).question_id, question_id);
  await chat.sendMessage({ parts: answer('btn:yes') });
  assert.match(chat.error?.message ?? '', /answered or withdrawn already/);
  const { questions } = await served.app.questions.list({ state: 'open', limit: 10 });
  assert.equal(questions.length, 1);
});

test('in a fork nobody is asked: an edited answer begins something new', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const chat = chatAt(served.origin);
  await chat.sendMessage({ text: 'refund' });
  const { question_id } = questionIn(chat.lastMessage);
  await chat.sendMessage({ text: 'yes' });
  const edited = chat.messages[2]?.id ?? '';
  await chat.sendMessage({ text: 'no', messageId: edited });
  assert.deepEqual(lastTexts(chat), ['Refund it?']);
  const response = await fetch(`${served.origin}/ai-sdk/chat/chat?contact_id=c:1`);
  const messages: UIMessage[] = Object(await response.json()).messages;
  assert.doesNotMatch(JSON.stringify(messages), new RegExp(question_id));
  assert.notEqual(questionIn(messages.at(-1)).question_id, question_id);
});
