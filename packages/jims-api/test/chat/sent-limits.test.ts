// How large a message, a config and a history may be, in every protocol.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { jsonOf, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';

const LIMIT = 1000;
const LONG = 'é'.repeat(LIMIT / 2);
const sizes = { maxMessageBytes: LIMIT, maxConfigBytes: LIMIT };

const echo = (ctx: { sendMessage(text: string): unknown }): void => {
  ctx.sendMessage('x'.repeat(3 * LIMIT));
};

interface Case {
  readonly path: string;
  readonly body: (message: string) => object;
  /** How its clients are refused. */
  readonly refused: RegExp;
  readonly status: number;
}

const JSON_RPC = { jsonrpc: '2.0', id: 1 };
const OWN = /message is larger than 1000 bytes.*message_too_large/;

const CASES: readonly Case[] = [
  {
    path: '/api/v1/chat',
    body: (message) => ({ contact_id: 'c', message }),
    refused: OWN,
    status: 413,
  },
  {
    path: '/api/v1/chat/stream',
    body: (message) => ({ contact_id: 'c', message }),
    refused: OWN,
    status: 413,
  },
  {
    path: '/v1/chat/completions',
    body: (content) => ({ messages: [{ role: 'user', content }] }),
    refused: /^\{"error":\{.*message_too_large/,
    status: 413,
  },
  {
    path: '/v1/chat/completions',
    body: (content) => ({
      messages: [
        { role: 'system', content },
        { role: 'user', content: 'hi' },
      ],
    }),
    refused: /message_too_large/,
    status: 413,
  },
  {
    path: '/v1/responses',
    body: (input) => ({ input }),
    refused: /message_too_large/,
    status: 413,
  },
  {
    path: '/v1/responses',
    body: (instructions) => ({ input: 'hi', instructions }),
    refused: /message_too_large/,
    status: 413,
  },
  {
    path: '/v1/conversations',
    body: (content) => ({ items: [{ role: 'user', content }] }),
    refused: /message_too_large/,
    status: 413,
  },
  {
    path: '/ai-sdk/chat',
    body: (text) => ({ id: 'a', messages: [{ role: 'user', parts: [{ type: 'text', text }] }] }),
    refused: /^The message is larger than 1000 bytes$/,
    status: 413,
  },
  {
    path: '/ag-ui',
    body: (content) => ({ threadId: 't', runId: 'r', messages: [{ role: 'user', content }] }),
    refused: OWN,
    status: 413,
  },
  {
    path: '/deep-chat',
    body: (text) => ({ messages: [{ text }] }),
    refused: /^\{"error":.*larger than 1000 bytes/,
    status: 413,
  },
  {
    path: '/a2a/rest/message:send',
    body: (text) => ({ message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text }] } }),
    refused: /larger than 1000 bytes/,
    status: 413,
  },
  {
    path: '/mcp',
    body: (message) => ({
      ...JSON_RPC,
      method: 'tools/call',
      params: { name: 'chat', arguments: { message } },
    }),
    refused: /^\{"jsonrpc".*larger than 1000 bytes/,
    status: 413,
  },
];

test('a message is as long as it may be, and no longer, in the words of its protocol', async () => {
  await using api = testApi(echo, sizes);
  for (const { path, body, refused, status } of CASES) {
    const sound = await api.post(path, body(LONG));
    assert.equal(sound.status, 200, `${path}: ${await sound.clone().text()}`);
    await sound.text();
    const long = await api.post(path, body(`${LONG}x`));
    assert.match(await long.text(), refused, path);
    assert.equal(long.status, status, path);
  }
  const registry = await api.app.metrics.registry();
  assert.match(await registry.metrics(), /jims_refusals_total\{code="message_too_large"\} \d+/);
});

test('what the app said before is never too long', async () => {
  await using api = testApi(echo, sizes);
  const said = { role: 'assistant', content: 'x'.repeat(3 * LIMIT) };
  const messages = [{ role: 'user', content: 'a' }, said, { role: 'user', content: 'b' }];
  assert.equal((await api.post('/v1/chat/completions', { messages })).status, 200);
  assert.equal((await api.post('/v1/conversations', { items: [said] })).status, 200);
});

test('a config is bounded when it is sent, and when it grows', async () => {
  await using api = testApi(echo, sizes);
  const note = (length: number): object => ({ note: 'x'.repeat(length) });
  const refused = async (path: string, body: object, method = 'POST'): Promise<void> => {
    const response = await api.send(method, path, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 413, path);
    assert.match(await response.text(), /config or metadata is larger than 1000 bytes/, path);
  };
  const long = note(LIMIT);
  const hi = { contact_id: 'c', message: 'hi' };
  const user = { role: 'user', content: 'hi' };
  await refused('/api/v1/chat', { ...hi, thread_config: long });
  await refused('/api/v1/threads', { contact_id: 'c', thread_config: long });
  await refused('/v1/conversations', { metadata: long });
  await refused('/v1/responses', { input: 'hi', metadata: long });
  await refused('/deep-chat', { messages: [{ text: 'hi' }], thread_config: long });
  await refused('/ai-sdk/chat', {
    id: 'a',
    messages: [{ role: 'user', parts: [] }],
    thread_config: long,
  });
  await refused('/ag-ui', { threadId: 't', runId: 'r', messages: [user], context: [long] });

  const path = `/api/v1/threads/${await newThread(api, note(600))}`;
  await refused(path, { thread_config: { more: 'x'.repeat(600) } }, 'PATCH');
  const other = await api.send('PATCH', path, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ thread_config: { note: 'x'.repeat(700) } }),
  });
  assert.equal(other.status, 200);
});

async function newThread(api: TestApi, thread_config: object): Promise<string> {
  const response = await api.post('/api/v1/threads', { contact_id: 'c', thread_config });
  return String((await jsonOf(response))['thread_id']);
}

test('a history is bounded by its messages, and is as long as those of people are', async () => {
  await using api = testApi((ctx) => ctx.sendMessage(String(ctx.history.length)));
  const messages = (count: number): object[] =>
    Array.from({ length: count }, () => ({ role: 'user', content: 'x' }));
  const long = await api.post('/v1/chat/completions', { messages: messages(5001) });
  assert.match(await long.text(), /"content":"5001"/);
  const longer = await api.post('/v1/chat/completions', { messages: messages(6001) });
  assert.equal(longer.status, 400);
  assert.match(await longer.text(), /messages: List should have at most 6000 items/);
});
