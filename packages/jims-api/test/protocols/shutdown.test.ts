// A service that is stopped cuts off the answers that are not finished in time: no client may take
// such an answer for a whole one.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { HttpAgent } from '@ag-ui/client';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import OpenAI, { APIError } from 'openai';

import { serveApp } from '../support/served-app.ts';
import type { ServedApp } from '../support/served-app.ts';

/** Begins an answer that it never ends. */
const APP = `
import { once } from 'node:events';

export const app = (ctx) => ctx.sendMessage((async function* () {
  yield 'beginning';
  await once(ctx.signal, 'abort');
})());
`;
const CUT_OFF = 'The service is shutting down: send it again';

// The client of AG-UI prints each failure.
mock.method(console, 'error', () => {});

test('useChat has an error, and what was seen', async () => {
  await using served = await serve();
  const transport = new DefaultChatTransport({ api: `${served.origin}/ai-sdk/chat` });
  const chat = new Chat({ id: 'chat', transport });
  const said = chat.sendMessage({ text: 'wait' });
  await begun(() => chat.lastMessage?.role === 'assistant' && chat.lastMessage.parts.length > 1);
  await served.stop();
  await said;
  assert.equal(chat.status, 'error');
  assert.equal(chat.error?.message, CUT_OFF);
});

test('an agent of AG-UI hears a RUN_ERROR', async () => {
  await using served = await serve();
  const agent = new HttpAgent({ url: `${served.origin}/ag-ui`, threadId: 'th-1' });
  agent.addMessage({ id: 'u1', role: 'user', content: 'wait' });
  const failures: unknown[] = [];
  const run = agent.runAgent(
    {},
    { onRunErrorEvent: ({ event }) => void failures.push([event.code, event.message]) },
  );
  await begun(() => agent.messages.length > 1);
  await served.stop();
  await run;
  assert.deepEqual(failures, [['shutting_down', CUT_OFF]]);
});

test('the openai package throws', async () => {
  await using served = await serve();
  const client = new OpenAI({ baseURL: `${served.origin}/v1`, apiKey: 'key' });
  const stream = client.responses.stream({ model: 'm', input: 'wait' });
  stream.on('response.output_text.delta', () => void served.stop());
  await assert.rejects(stream.finalResponse(), new RegExp(CUT_OFF));
  await assert.rejects(stream.finalResponse(), APIError);
});

test('Deep Chat is given an error', async () => {
  await using served = await serve();
  const response = await fetch(`${served.origin}/deep-chat/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ text: 'wait' }] }),
  });
  await served.stop();
  assert.match(await response.text(), new RegExp(`data: {"error":"${CUT_OFF}"}\n\n$`));
});

function serve(): Promise<ServedApp> {
  return serveApp({ app: APP, args: ['--drain-timeout', '0'] });
}

/** Resolves when what the client waits for has come. */
async function begun(isThere: () => boolean): Promise<void> {
  while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
}
