// Tools that the contact approves, with the AI SDK's own chat.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai';
import type { UIMessage } from 'ai';
import type { ThreadContext } from 'jims-core';
import type { RunTool } from 'jims-core/llm';
import { scriptedModel } from 'jims-core/testing';
import type { ScriptedAnswer } from 'jims-core/testing';
import * as v from 'valibot';

import { byContactHeader } from '../../support/as-contact.ts';
import { serveApp } from '../../support/listening-app.ts';

const Order = v.object({ id: v.string() });
const CALLS: ScriptedAnswer = {
  text: 'I will see to it.',
  calls: [
    { name: 'secret_audit', input: { id: 'secret input' } },
    { name: 'secret_refund', input: { id: '7' } },
  ],
};

test('a tool is called after a yes, and not after a no; its name, input and output are not seen', async () => {
  const done: string[] = [];
  const tool = (name: string, more: Partial<RunTool<v.InferOutput<typeof Order>>>) => ({
    description: name,
    schema: Order,
    execute: ({ id }: v.InferOutput<typeof Order>) => {
      done.push(`${name} ${id}`);
      return 'secret output';
    },
    ...more,
  });
  const tools = {
    secret_audit: tool('audit', {}),
    secret_refund: tool('refund', {
      title: ({ id }) => `Refund order ${id}`,
      approvalText: ({ id }) => `Refund order ${id}?`,
      needsApproval: true,
    }),
  };
  const model = scriptedModel([CALLS, 'Refunded.', CALLS, 'Then not.']);
  const pipeline = (ctx: ThreadContext): Promise<string> =>
    ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }));
  await using served = await serveApp({ llm: { model }, pipeline }, byContactHeader);
  const transport = new DefaultChatTransport({
    api: `${served.origin}/ai-sdk/chat`,
    headers: { 'x-contact': 'c:1' },
  });
  const chat = new Chat<UIMessage>({
    id: 'chat',
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const answer = async (approved: boolean, reason?: string): Promise<void> => {
    const question = chat.lastMessage?.parts.findLast(
      (part) => part.type === 'dynamic-tool' && part.state === 'approval-requested',
    );
    await chat.addToolApprovalResponse({
      id: Object(question).approval.id,
      approved,
      ...(reason !== undefined && { reason }),
    });
    while (chat.status === 'submitted' || chat.status === 'streaming') {
      await new Promise(setImmediate);
    }
  };
  const texts = (): string[] =>
    (chat.lastMessage?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : []));

  await chat.sendMessage({ text: 'Refund order 7' });
  assert.equal(chat.error, undefined);
  assert.deepEqual(texts(), ['I will see to it.', 'Refund order 7?']);
  assert.deepEqual(done, ['audit secret input']);
  await answer(true);
  assert.deepEqual(texts(), ['I will see to it.', 'Refund order 7?', 'Refunded.']);
  assert.deepEqual(done, ['audit secret input', 'refund 7']);

  await chat.sendMessage({ text: 'And again' });
  await answer(false, 'It was a gift');
  assert.equal(texts().at(-1), 'Then not.');
  assert.deepEqual(done.slice(2), ['audit secret input']);
  assert.match(JSON.stringify(model.requests.at(-1)?.prompt), /They said: It was a gift/);
  assert.doesNotMatch(JSON.stringify(chat.messages), /secret/);
});
