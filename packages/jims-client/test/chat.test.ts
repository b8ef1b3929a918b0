import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { createGate } from '../../jims-api/test/support/gate.ts';
import { serveApp } from '../../jims-api/test/support/listening-app.ts';
import { JimsClient } from '../src/index.ts';
import type { Chat, ChatSnapshot } from '../src/index.ts';

/** Waits for a snapshot that fits. */
export function until(chat: Chat, fits: (snapshot: ChatSnapshot) => boolean): Promise<ChatSnapshot> {
  return new Promise((resolve) => {
    const look = (): void => {
      const snapshot = chat.getSnapshot();
      if (!fits(snapshot)) return;
      unsubscribe();
      resolve(snapshot);
    };
    const unsubscribe = chat.subscribe(look);
    look();
  });
}

const isReady = ({ status }: ChatSnapshot): boolean => status === 'ready';
const stored = ({ status, messages }: ChatSnapshot): boolean =>
  status === 'ready' && messages.every(({ createdAt }) => createdAt !== undefined);
const textsOf = ({ messages }: ChatSnapshot): string[] => messages.map(({ role, text }) => `${role}: ${text}`);

describe('a chat', () => {
  test('a message is shown at once, the answer as it grows, and both as they are stored', async () => {
    const gate = createGate();
    await using served = await serveApp(async (ctx: ThreadContext) => {
      ctx.updateAgentStatus('thinking hard');
      await ctx.sendMessage(
        (async function* () {
          yield 'one ';
          await gate.passed(ctx.signal);
          yield 'two';
        })(),
      );
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const chat = jims.openChat();
    const sent = chat.send('Hi');
    assert.equal(chat.getSnapshot().status, 'sending');
    assert.deepEqual(textsOf(chat.getSnapshot()), ['user: Hi']);
    const { key } = chat.getSnapshot().messages[0]!;
    await sent;
    const growing = await until(chat, ({ messages }) => messages[1]?.text === 'one ');
    assert.equal(growing.run?.status, 'thinking hard');
    assert.equal(growing.status, 'answering');
    assert.equal(growing.messages[1]?.state, 'growing');
    gate.open();
    const end = await until(chat, stored);
    assert.deepEqual(textsOf(end), ['user: Hi', 'assistant: one two']);
    assert.equal(end.messages[0]?.key, key);
    await until(chat, ({ title }) => title === 'Hi');
    await chat.send('again');
    await until(chat, (s) => stored(s) && s.messages.length === 4);
    chat.close();
  });

  test('two chats of a thread show the same', async () => {
    await using served = await serveApp(async (ctx: ThreadContext) => {
      ctx.sendMessageWithButtons(`heard ${ctx.lastUserMessage ?? ctx.lastUserAction?.content}`, [{ id: 'yes', text: 'Yes!' }]);
    });
    const jims = new JimsClient({ url: served.origin, contactId: 'ann' });
    const one = jims.openChat();
    await one.send('1');
    const { threadId } = await until(one, stored);
    const two = jims.openChat({ threadId });
    await until(two, isReady);
    await one.click('yes');
    const snapshot = await until(two, (s) => stored(s) && s.messages.length === 4);
    assert.deepEqual(textsOf(snapshot), ['user: 1', 'assistant: heard 1', 'user: Yes!', 'assistant: heard yes']);
    await two.send('2');
    await until(one, (s) => stored(s) && s.messages.length === 6);
    assert.deepEqual(textsOf(one.getSnapshot()), textsOf(await until(two, (s) => stored(s) && s.messages.length === 6)));
    one.close();
    two.close();
  });
});
