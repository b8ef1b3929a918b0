import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { LanguageModelV4Prompt } from '@ai-sdk/provider';

import { inOrder } from '../../../src/llm/chat/message-order.ts';

const text = (value: string): { type: 'text'; text: string } => ({ type: 'text', text: value });
const CONVERSATION: LanguageModelV4Prompt = [
  { role: 'assistant', content: [text('Welcome')] },
  { role: 'system', content: 'Be short' },
  { role: 'user', content: [text('a')] },
  { role: 'user', content: [text('b')] },
  { role: 'system', content: 'Be kind' },
  { role: 'assistant', content: [text('c')] },
];

/** One line a message. */
function lines(prompt: LanguageModelV4Prompt): string[] {
  return prompt.map(({ role, content }) => {
    const words =
      typeof content === 'string' ? content : content.map((part) => JSON.stringify(part));
    return `${role}: ${typeof words === 'string' ? words : words.join(' ')}`;
  });
}

test('messages stay as they are where a model takes any order', () => {
  const order = { system: 'anywhere', alternating: false } as const;
  assert.equal(inOrder(CONVERSATION, order), CONVERSATION);
});

test('system messages go first, each by itself', () => {
  const prompt = inOrder(CONVERSATION, { system: 'first', alternating: false });
  assert.deepEqual(
    prompt.map(({ role }) => role),
    ['system', 'system', 'assistant', 'user', 'user', 'assistant'],
  );
});

test('or go first as one message, and the others take turns, the user first', () => {
  const prompt = inOrder(CONVERSATION, { system: 'one', alternating: true });
  assert.deepEqual(lines(prompt), [
    'system: Be short\n\nBe kind',
    'user: {"type":"text","text":"(The conversation begins.)"}',
    'assistant: {"type":"text","text":"Welcome"}',
    'user: {"type":"text","text":"a\\n\\nb"}',
    'assistant: {"type":"text","text":"c"}',
  ]);
});

test('an assistant message with tool calls is not merged with the next', () => {
  const call = { type: 'tool-call', toolCallId: '1', toolName: 'look', input: {} } as const;
  const prompt = inOrder(
    [
      { role: 'user', content: [text('a')] },
      { role: 'assistant', content: [call] },
      { role: 'assistant', content: [text('b')] },
    ],
    { system: 'anywhere', alternating: true },
  );
  assert.deepEqual(
    prompt.map(({ role }) => role),
    ['user', 'assistant', 'assistant'],
  );
});
