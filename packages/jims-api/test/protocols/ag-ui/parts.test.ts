// What an answer is made of, as AG-UI's own client gets it: live, sent back, and restored.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HttpAgent } from '@ag-ui/client';
import type { BaseEvent, Message } from '@ag-ui/client';

import { byContactHeader } from '../../support/as-contact.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { thorough } from '../../support/thorough-pipeline.ts';

test('a service gets reasoning and tools as messages, sources and files as events', async () => {
  await using served = await serveApp(thorough, { publicUrl: 'https://chat.example' });
  const { agent, events, say } = agentFor(served);
  await say('where?');
  assert.deepEqual(agent.messages.map(inWords), [
    'user: "where?"',
    'reasoning: "I must look"',
    'assistant calls find-order {"order":"secret-input"}',
    'tool: "{\\"at\\":\\"secret-output\\"}"',
    'assistant calls check-fraud {}',
    'tool: "secret-reason"',
    'assistant: "It is on its way."',
  ]);
  const message_id = agent.messages.at(-1)?.id;
  const [source, file] = events.filter((event) => 'name' in event);
  assert.deepEqual(source, {
    type: 'CUSTOM',
    name: 'jims.source',
    value: { message_id, url: 'https://shop.example/faq', title: 'FAQ', excerpt: 'By noon' },
  });
  const { file_id, ...rest } = Object(file).value;
  assert.deepEqual(rest, {
    message_id,
    name: 'label.txt',
    media_type: 'text/plain',
    size: 8,
    url: `https://chat.example/api/v1/files/${file_id}`,
  });

  // The client sends all of it back with its next message.
  await say('again');
  assert.equal(agent.messages.length, 14);
  const { threads } = await served.app.threads.list({ contactId: 'c:1', limit: 10 });
  assert.equal(threads.length, 1);

  const { agent: other, events: restored, restore } = agentFor(served);
  await restore();
  assert.deepEqual(restored.filter((event) => 'name' in event).slice(0, 2), [source, file]);
  assert.deepEqual(other.messages.map(inWords).slice(0, 3), [
    'user: "where?"',
    'reasoning: "I must look"',
    'assistant: "It is on its way."',
  ]);
});

test('a file that the user has sent is in their message when the thread is loaded, and goes back with it', async () => {
  await using served = await serveApp((ctx) =>
    ctx.sendMessage(`Files: ${ctx.files.map(({ name }) => name).join()}`),
  );
  const { agent, restore } = agentFor(served);
  const source = { type: 'data', value: btoa('Parcel 7'), mimeType: 'text/plain' } as const;
  const metadata = { filename: 'label.txt' };
  const content = [{ type: 'document', source, metadata } as const];
  agent.addMessage({ id: 'u1', role: 'user', content });
  await restore();
  const page = agentFor(served);
  await page.restore();
  const [said] = page.agent.messages;
  const [part, ...others] = Object(said).content;
  assert.deepEqual(others, []);
  assert.deepEqual([part.type, part.source.type, part.metadata], ['document', 'url', metadata]);
  await page.say('and now?');
  assert.deepEqual(page.agent.messages.map(({ content: text }) => text).slice(1), [
    'Files: label.txt',
    'and now?',
    'Files: ',
  ]);
  assert.equal((await served.app.threads.list({ contactId: 'c:1', limit: 9 })).threads.length, 1);
});

test('a contact gets of a tool its title, and whether it is done', async () => {
  await using served = await serveApp(thorough, byContactHeader);
  const { agent, events, say } = agentFor(served, { 'x-contact': 'c:1' });
  await say('where?');
  assert.deepEqual(agent.messages.map(inWords), [
    'user: "where?"',
    'reasoning: "I must look"',
    'assistant calls Looking for your order {}',
    'tool: "completed"',
    'assistant: "It is on its way."',
  ]);
  assert.doesNotMatch(JSON.stringify(events), /secret|find-order|check-fraud/);
});

function agentFor(
  { origin }: ServedApp,
  headers: Record<string, string> = {},
): {
  agent: HttpAgent;
  events: BaseEvent[];
  say: (content: string) => Promise<unknown>;
  restore: () => Promise<unknown>;
} {
  const agent = new HttpAgent({ url: `${origin}/ag-ui`, threadId: 'th-1', headers });
  const events: BaseEvent[] = [];
  agent.subscribe({ onEvent: ({ event }) => void events.push(event) });
  const restore = (): Promise<unknown> => agent.runAgent({ forwardedProps: { contact_id: 'c:1' } });
  return {
    agent,
    events,
    restore,
    say(content) {
      agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
      return restore();
    },
  };
}

function inWords(message: Message): string {
  if (message.role !== 'assistant' || !message.toolCalls) {
    return `${message.role}: ${JSON.stringify(message.content)}`;
  }
  const calls = message.toolCalls.map(
    ({ function: { name, arguments: args } }) => `${name} ${args}`,
  );
  return `assistant calls ${calls.join()}`;
}
