// What an answer is made of, as the AI SDK's own client shows it: live, restored, and sent back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, uiMessageChunkSchema, validateUIMessages } from 'ai';
import type { UIMessage } from 'ai';

import { byContactHeader } from '../../support/as-contact.ts';
import { serveApp } from '../../support/listening-app.ts';
import { thorough } from '../../support/thorough-pipeline.ts';

const SOURCE = {
  type: 'source-url',
  sourceId: 'https://shop.example/faq',
  url: 'https://shop.example/faq',
  title: 'FAQ',
  providerMetadata: { jims: { excerpt: 'By noon' } },
};

test('a service sees reasoning, tools, sources and files as parts of one message', async () => {
  await using served = await serveApp(thorough, { publicUrl: 'https://chat.example' });
  const chat = chatWith(served.origin, {});
  await chat.sendMessage({ text: 'where?' });
  assert.equal(chat.status, 'ready', String(chat.error));
  const parts = chat.lastMessage?.parts ?? [];
  const ids = partsOf(parts, 'dynamic-tool').map(({ toolCallId }) => toolCallId);
  const tool = { type: 'dynamic-tool', providerExecuted: true };
  assert.deepEqual(partsOf(parts, 'reasoning'), [
    { type: 'reasoning', id: 'reasoning-1', text: 'I must look', state: 'done' },
  ]);
  assert.deepEqual(partsOf(parts, 'dynamic-tool'), [
    {
      ...tool,
      toolCallId: ids[0],
      toolName: 'find-order',
      title: 'Looking for your order',
      state: 'output-available',
      input: { order: 'secret-input' },
      output: { at: 'secret-output' },
    },
    {
      ...tool,
      toolCallId: ids[1],
      toolName: 'check-fraud',
      title: 'check-fraud',
      state: 'output-error',
      input: {},
      errorText: 'secret-reason',
    },
  ]);
  assert.deepEqual(partsOf(parts, 'source-url'), [SOURCE]);
  const [file] = partsOf(parts, 'file');
  assert.match(String(file?.['url']), /^https:\/\/chat\.example\/api\/v1\/files\/[0-9a-f-]{36}$/);
  // Live, the client has no other place for the name.
  const { providerMetadata, ...sent } = { ...file };
  assert.deepEqual(providerMetadata, { jims: { filename: 'label.txt' } });
  assert.equal(sent['mediaType'], 'text/plain');
  assert.deepEqual(partsOf(parts, 'text'), [
    { type: 'text', text: 'It is on its way.', state: 'done' },
  ]);

  // The client sends all of it back with its next message.
  await chat.sendMessage({ text: 'again' });
  assert.equal(chat.status, 'ready', String(chat.error));
  assert.equal(chat.messages.length, 4);

  const restored = await fetch(`${served.origin}/ai-sdk/chat/chat?contact_id=c:1`);
  const { messages: all } = Object(await restored.json());
  const messages: UIMessage[] = await validateUIMessages({ messages: all });
  assert.equal(messages.length, 4);
  assert.deepEqual(messages[1]?.parts, [
    { type: 'reasoning', text: 'I must look', state: 'done' },
    { type: 'text', text: 'It is on its way.', state: 'done' },
    SOURCE,
    { ...sent, filename: 'label.txt' },
  ]);
});

test('a contact sees of a tool its title, and whether it is done', async () => {
  await using served = await serveApp(thorough, byContactHeader);
  const chat = chatWith(served.origin, { 'x-contact': 'c:1' });
  await chat.sendMessage({ text: 'where?' });
  assert.equal(chat.status, 'ready', String(chat.error));
  const [tool, ...others] = partsOf(chat.lastMessage?.parts ?? [], 'dynamic-tool');
  assert.deepEqual(others, []);
  const { title, toolName, input, output, state } = { ...tool };
  assert.deepEqual(
    [title, toolName, input, output, state],
    ['Looking for your order', 'tool', {}, null, 'output-available'],
  );
  assert.doesNotMatch(JSON.stringify(chat.messages), /secret|find-order|check-fraud/);
});

test('every chunk is one that the client knows', async () => {
  await using served = await serveApp(thorough);
  const transport = new DefaultChatTransport({ api: `${served.origin}/ai-sdk/chat` });
  const stream = await transport.sendMessages({
    trigger: 'submit-message',
    chatId: 'chat',
    messageId: undefined,
    messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'where?' }] }],
    abortSignal: undefined,
  });
  const types: string[] = [];
  for await (const chunk of stream) {
    types.push(chunk.type);
    const checked = await uiMessageChunkSchema().validate?.(chunk);
    assert.equal(checked?.success, true, JSON.stringify(chunk));
  }
  assert.deepEqual(types, [
    'start',
    'start-step',
    'reasoning-start',
    'reasoning-delta',
    'reasoning-delta',
    'reasoning-end',
    'tool-input-available',
    'tool-output-available',
    'tool-input-available',
    'tool-output-error',
    'text-start',
    'text-delta',
    'source-url',
    'file',
    'text-delta',
    'text-end',
    'finish-step',
    'finish',
  ]);
});

function chatWith(origin: string, headers: Record<string, string>): Chat<UIMessage> {
  const transport = new DefaultChatTransport({
    api: `${origin}/ai-sdk/chat`,
    body: { contact_id: 'c:1' },
    headers,
  });
  return new Chat({ id: 'chat', transport });
}

function partsOf(parts: UIMessage['parts'], type: string): Readonly<Record<string, unknown>>[] {
  return parts.filter((part) => part.type === type).map((part) => JSON.parse(JSON.stringify(part)));
}
