// A service that is stopped cuts off the answers that are not finished in time: no client may take
// such an answer for a whole one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mock, test } from 'node:test';

import { HttpAgent } from '@ag-ui/client';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { defineApp } from 'jims-core';
import OpenAI, { APIError } from 'openai';

import { eventually } from '../../../jims-core/test/support/eventually.ts';
import { serve } from '../../src/index.ts';
import type { Service } from '../../src/index.ts';
import { recorder } from '../support/recorder.ts';

const CUT_OFF = 'The service is shutting down: send it again';

// The client of AG-UI prints each failure.
mock.method(console, 'error', () => {});

test('useChat has an error, and what was seen', async () => {
  await using service = await served();
  const transport = new DefaultChatTransport({ api: `${service.url}/ai-sdk/chat` });
  const chat = new Chat({ id: 'chat', transport });
  const said = chat.sendMessage({ text: 'wait' });
  await eventually(
    () => chat.lastMessage?.role === 'assistant' && chat.lastMessage.parts.length > 1,
  );
  await service.stop();
  await said;
  assert.equal(chat.status, 'error');
  assert.equal(chat.error?.message, CUT_OFF);
});

test('an agent of AG-UI hears a RUN_ERROR', async () => {
  await using service = await served();
  const agent = new HttpAgent({ url: `${service.url}/ag-ui`, threadId: 'th-1' });
  agent.addMessage({ id: 'u1', role: 'user', content: 'wait' });
  const failures: unknown[] = [];
  const run = agent.runAgent(
    {},
    { onRunErrorEvent: ({ event }) => void failures.push([event.code, event.message]) },
  );
  await eventually(() => agent.messages.length > 1);
  await service.stop();
  await run;
  assert.deepEqual(failures, [['shutting_down', CUT_OFF]]);
});

test('the openai package throws', async () => {
  await using service = await served();
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'key' });
  const stream = client.responses.stream({ model: 'm', input: 'wait' });
  stream.on('response.output_text.delta', () => void service.stop());
  await assert.rejects(stream.finalResponse(), new RegExp(CUT_OFF));
  await assert.rejects(stream.finalResponse(), APIError);
});

test('Deep Chat is given an error', async () => {
  await using service = await served();
  const response = await fetch(`${service.url}/deep-chat/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ text: 'wait' }] }),
  });
  await service.stop();
  assert.match(await response.text(), new RegExp(`data: {"error":"${CUT_OFF}"}\n\n$`));
});

/** Serves an app that begins an answer and never ends it; it is stopped without patience. */
function served(): Promise<Service> {
  const app = defineApp({
    store: 'sqlite::memory:',
    pipeline: (ctx) => ctx.sendMessage(beginning(ctx.signal)),
  });
  const ports = { host: '127.0.0.1', port: 0, metricsPort: false } as const;
  const { logger } = recorder();
  return serve(app, { ...ports, drainTimeoutMs: 0, signals: false, logger });
}

async function* beginning(signal: AbortSignal): AsyncGenerator<string> {
  yield 'beginning';
  await once(signal, 'abort');
}
