import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  validateUIMessages,
} from 'ai';
import type { DynamicToolUIPart, UIMessage } from 'ai';
import type { ThreadContext } from 'jims-core';

import { askingPipeline } from '../../support/asking-pipeline.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';

/** A page that goes on as soon as its user has approved or denied. */
function chatAt({ origin }: ServedApp, messages: UIMessage[] = []): Chat<UIMessage> {
  return new Chat({
    id: 'chat',
    messages,
    transport: new DefaultChatTransport({
      api: `${origin}/ai-sdk/chat`,
      body: { contact_id: 'c:1' },
    }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
}

async function restored({ origin }: ServedApp): Promise<UIMessage[]> {
  const response = await fetch(`${origin}/ai-sdk/chat/chat?contact_id=c:1`);
  const { messages } = Object(await response.json());
  return validateUIMessages({ messages });
}

function questionsIn(message: UIMessage | undefined): DynamicToolUIPart[] {
  return (message?.parts ?? []).flatMap((part) =>
    part.type === 'dynamic-tool' && part.toolName === 'question' ? [part] : [],
  );
}

function approvalIn(message: UIMessage | undefined): string {
  const part = questionsIn(message).at(-1);
  assert.ok(part?.state === 'approval-requested', `it is ${part?.state}`);
  return part.approval.id;
}

function textsIn(message: UIMessage | undefined): string[] {
  return (message?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : []));
}

async function over(chat: Chat<UIMessage>): Promise<void> {
  while (chat.status === 'submitted' || chat.status === 'streaming') {
    await new Promise(setImmediate);
  }
}

for (const [approved, state, answer] of [
  [true, 'output-available', 'comm.user_button_click yes: yes'],
  [false, 'output-denied', 'comm.user_button_click no: no'],
] as const) {
  test(`a question of yes or no is ${approved ? 'approved' : 'denied'}, and the answer goes on in its message`, async () => {
    await using served = await serveApp(askingPipeline);
    const chat = chatAt(served);
    await chat.sendMessage({ text: 'refund' });
    const id = approvalIn(chat.lastMessage);
    await chat.addToolApprovalResponse({ id, approved });
    await over(chat);
    assert.equal(chat.error, undefined);
    const [, said, ...more] = chat.messages;
    assert.deepEqual(more, []);
    assert.deepEqual(textsIn(said), ['Refund it?', answer]);
    const [question] = questionsIn(said);
    assert.equal(question?.state, state);
    const approval = { id, requestReason: 'Refund it?', approved };
    assert.deepEqual(JSON.parse(JSON.stringify(question.approval)), approval);

    const messages = await restored(served);
    assert.deepEqual(
      messages.map(({ id: messageId, role }) => [messageId, role]),
      [
        [messages[0]?.id, 'user'],
        [said?.id, 'assistant'],
      ],
    );
    assert.deepEqual(textsIn(messages[1]), textsIn(said));
    assert.equal(questionsIn(messages[1])[0]?.state, state);
    assert.deepEqual(questionsIn(messages[1])[0]?.approval, approval);
    const again = chatAt(served, messages);
    await again.sendMessage({ text: 'refund' });
    assert.equal((await served.app.threads.list({ contactId: 'c:1', limit: 9 })).threads.length, 1);
    assert.notEqual(approvalIn(again.lastMessage), id);
  });
}

test('a restored page approves, and an approval that comes too late is an error', async () => {
  await using served = await serveApp(askingPipeline);
  await chatAt(served).sendMessage({ text: 'refund' });
  const [one, two] = [
    chatAt(served, await restored(served)),
    chatAt(served, await restored(served)),
  ];
  const id = approvalIn(one.lastMessage);
  await one.addToolApprovalResponse({ id, approved: true });
  await over(one);
  assert.deepEqual(textsIn(one.lastMessage).slice(1), ['comm.user_button_click yes: yes']);
  await two.addToolApprovalResponse({ id, approved: false });
  await over(two);
  assert.match(two.error?.message ?? '', /answered or withdrawn already/);
});

test('one question after the other, each with an approval of its own', async () => {
  await using served = await serveApp(async (ctx: ThreadContext) => {
    const buttons = [
      { id: 'no', text: 'No' },
      { id: 'yes', text: 'Yes' },
    ];
    const answers: unknown[] = [];
    for (const question of ['Sure?', 'Really?']) {
      const answer = await ctx.ask(question, { buttons });
      answers.push(answer.kind === 'message' && answer.buttonId);
    }
    ctx.sendMessage(answers.join(', '));
  });
  const chat = chatAt(served);
  await chat.sendMessage({ text: 'go' });
  await chat.addToolApprovalResponse({ id: approvalIn(chat.lastMessage), approved: true });
  await over(chat);
  await chat.addToolApprovalResponse({ id: approvalIn(chat.lastMessage), approved: false });
  await over(chat);
  assert.equal(chat.messages.length, 2);
  assert.deepEqual(textsIn(chat.lastMessage), ['Sure?', 'Really?', 'yes, no']);
  assert.deepEqual(textsIn((await restored(served)).at(-1)), textsIn(chat.lastMessage));
});

test('a question that was answered in words has no approval any more', async () => {
  await using served = await serveApp(askingPipeline);
  const chat = chatAt(served);
  await chat.sendMessage({ text: 'refund' });
  await chat.sendMessage({ text: 'why not' });
  assert.match(textsIn(chat.lastMessage).join(), /why not/);
  assert.deepEqual((await restored(served)).flatMap(questionsIn), []);
});

test('what a user says to a denial is kept with the click', async () => {
  await using served = await serveApp(askingPipeline);
  const chat = chatAt(served);
  await chat.sendMessage({ text: 'refund' });
  const reason = 'It was a gift';
  await chat.addToolApprovalResponse({ id: approvalIn(chat.lastMessage), approved: false, reason });
  await over(chat);
  const { threads } = await served.app.threads.list({ contactId: 'c:1', limit: 1 });
  const { events } = await served.app.threads.events(threads[0]?.id ?? '', { limit: 100 });
  const click = events.find(({ type }) => type === 'comm.user_button_click');
  assert.equal(click?.data['reason'], reason);
  const [question] = questionsIn((await restored(served)).at(-1));
  assert.equal(question?.approval?.reason, reason);
});

test('other buttons ask for no approval, and a message of the assistant without one is refused', async () => {
  await using served = await serveApp(async (ctx: ThreadContext) => {
    await ctx.ask('Which?', {
      buttons: [
        { id: 'a', text: 'A' },
        { id: 'b', text: 'B' },
      ],
    });
  });
  const chat = chatAt(served);
  await chat.sendMessage({ text: 'go' });
  assert.deepEqual(questionsIn(chat.lastMessage), []);
  await chat.sendMessage();
  assert.match(chat.error?.message ?? '', /the last message must be the user’s/);
});
