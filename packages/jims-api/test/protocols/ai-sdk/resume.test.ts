import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import type { UIMessage } from 'ai';
import type { Pipeline } from 'jims-core';

import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { createGate } from '../../support/gate.ts';
import type { Gate } from '../../support/gate.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';

const CONTACT = { 'x-jims-contact-id': 'c:1' };

interface ChatOptions {
  readonly origin: string;
  readonly messages?: UIMessage[];
  readonly fetch?: typeof globalThis.fetch;
  readonly id?: string;
}

function resumableChat({ origin, id = 'a chat/1', ...rest }: ChatOptions): Chat<UIMessage> {
  const transport = new DefaultChatTransport({
    api: `${origin}/ai-sdk/chat`,
    headers: CONTACT,
    body: { on_disconnect: 'continue' },
    ...(rest.fetch && { fetch: rest.fetch }),
  });
  return new Chat({ id, transport, ...(rest.messages && { messages: rest.messages }) });
}

function chatUrl(origin: string, id = 'a chat/1'): string {
  return `${origin}/ai-sdk/chat/${encodeURIComponent(id)}`;
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
}

async function restore(origin: string): Promise<UIMessage[]> {
  const response = await fetch(chatUrl(origin), { headers: CONTACT });
  const { messages } = (await response.json()) as { messages: UIMessage[] };
  return messages;
}

/** Says one word, and the other one behind a gate. */
function twoWords(gate: Gate): Pipeline {
  return async (ctx) => {
    ctx.updateAgentStatus('thinking');
    await ctx.sendMessage(
      (async function* () {
        yield 'Hel';
        await gate.passed(ctx.signal);
        yield 'lo';
      })(),
    );
  };
}

/** A chat whose page is left in the middle of an answer. */
async function chatLeftBehind(served: ServedApp): Promise<ReturnType<typeof resumableChat>> {
  const chat = resumableChat(served);
  const answered = chat.sendMessage({ text: 'hello' });
  await untilText(chat, 'Hel');
  await chat.stop();
  await answered;
  return chat;
}

test('a page that comes back gets the answer from its beginning, and then live', async () => {
  const gate = createGate();
  await using served = await serveApp(twoWords(gate));
  await chatLeftBehind(served);

  const messages = await restore(served.origin);
  assert.deepEqual(
    messages.map((message) => [message.role, textOf(message)]),
    [['user', 'hello']],
  );
  const back = resumableChat({ ...served, messages });
  const resumed = back.resumeStream();
  await untilText(back, 'Hel');
  gate.open();
  await resumed;
  assert.equal(back.status, 'ready');
  assert.deepEqual(back.messages.map(textOf), ['hello', 'Hello']);
  await back.sendMessage({ text: 'more' });
  assert.deepEqual(back.messages.map(textOf), ['hello', 'Hello', 'more', 'Hello']);
  const threads = (await served.app.threads.list({ contactId: 'c:1', limit: 10 })).threads;
  assert.equal(threads.length, 1);
});

test('a resumed answer replaces the part of it that the page has kept', async () => {
  const gate = createGate();
  await using served = await serveApp(twoWords(gate));
  const left = await chatLeftBehind(served);
  const resumed = left.resumeStream();
  while (left.status === 'ready') await tick();
  gate.open();
  await resumed;
  assert.deepEqual(left.messages.map(textOf), ['hello', 'Hello']);
});

test('there is nothing to resume before the first message, after the answer, and for another contact', async () => {
  const gate = createGate();
  await using served = await serveApp(twoWords(gate));
  const url = `${chatUrl(served.origin)}/stream`;
  const statusFor = async (contact: string): Promise<number> => {
    const response = await fetch(url, { headers: { 'x-jims-contact-id': contact } });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await statusFor('c:1'), 204);
  const chat = resumableChat(served);
  const answered = chat.sendMessage({ text: 'hello' });
  await untilText(chat, 'Hel');
  assert.equal(await statusFor('c:1'), 200);
  assert.equal(await statusFor('c:2'), 204);
  assert.equal(await statusFor(''), 400, 'an empty name is not no name');
  gate.open();
  await answered;
  assert.equal(await statusFor('c:1'), 204);
  const after = resumableChat({ ...served, messages: chat.messages });
  await after.resumeStream();
  assert.equal(after.status, 'ready');
  assert.deepEqual(after.messages.map(textOf), ['hello', 'Hello']);
});

test('DELETE stops the answer for all that read it, and keeps what was seen', async () => {
  const gate = createGate();
  await using served = await serveApp(twoWords(gate));
  const chat = resumableChat(served);
  const answered = chat.sendMessage({ text: 'hello' });
  await untilText(chat, 'Hel');
  const stop = { method: 'DELETE', headers: CONTACT };
  assert.equal((await fetch(`${chatUrl(served.origin)}/stream`, stop)).status, 204);
  await answered;
  assert.equal(chat.status, 'ready');
  assert.deepEqual(chat.messages.map(textOf), ['hello', 'Hel']);
  assert.deepEqual((await restore(served.origin)).map(textOf), ['hello', 'Hel']);
  assert.equal((await fetch(`${chatUrl(served.origin)}/stream`, stop)).status, 204);
});

test('a connection that breaks does not end the run of a client that resumes', async () => {
  const gate = createGate();
  await using served = await serveApp(twoWords(gate));
  const cut = new AbortController();
  const chat = resumableChat({
    ...served,
    fetch: (url, init) => fetch(url, { ...init, signal: cut.signal }),
  });
  const answered = chat.sendMessage({ text: 'hello' });
  await untilText(chat, 'Hel');
  cut.abort(new TypeError('network error'));
  await answered;
  gate.open();
  for (;;) {
    const messages = await restore(served.origin);
    if (textOf(messages.at(-1)) === 'Hello') break;
    await tick();
  }
});

test('what is restored are whole messages: several texts and buttons of one answer are one', async () => {
  await using served = await serveApp((ctx) => {
    ctx.sendMessage('one');
    ctx.setState('secret', { content: 'secret' });
    ctx.sendMessageWithButtons('two', [{ text: 'A', id: 'a' }]);
  });
  const chat = resumableChat(served);
  await chat.sendMessage({ text: 'go' });
  const messages = await restore(served.origin);
  assert.deepEqual(
    messages.map(({ role, parts }) => [role, parts.map(({ type }) => type)]),
    [
      ['user', ['text']],
      ['assistant', ['text', 'text', 'data-buttons']],
    ],
  );
  assert.doesNotMatch(JSON.stringify(messages), /secret/);
  assert.equal(messages[1]?.id, chat.messages[1]?.id);
  const back = resumableChat({ ...served, messages });
  await back.sendMessage({ text: 'more' });
  assert.equal((await restore(served.origin)).length, 4);
});

describeStores(({ name, fresh }) => {
  // What is in a SQLite file one process alone may run.
  if (name === 'sqlite') return;
  test('an answer is resumed from another process on the same database', async () => {
    await using database = await fresh();
    const gate = createGate();
    const options = { store: database.url };
    await using here = await serveApp(twoWords(gate), options);
    await using there = await serveApp(twoWords(gate), options);
    const chat = resumableChat(here);
    const answered = chat.sendMessage({ text: 'hello' });
    await untilText(chat, 'Hel');
    const back = resumableChat({ ...there, messages: await restore(there.origin) });
    const resumed = back.resumeStream();
    await untilText(back, 'Hel');
    gate.open();
    await Promise.all([answered, resumed]);
    assert.deepEqual(back.messages.map(textOf), ['hello', 'Hello']);
    assert.deepEqual(chat.messages.map(textOf), ['hello', 'Hello']);
  });
});

async function untilText(chat: Chat<UIMessage>, text: string): Promise<void> {
  while (textOf(chat.lastMessage) !== text) await tick();
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
