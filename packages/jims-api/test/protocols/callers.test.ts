// Whom a request is for, the same in every protocol: each request by its own client.
import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';

import { HttpAgent } from '@ag-ui/client';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { AuthenticationError, BadRequestError, NotFoundError } from 'openai';

import type { Principal } from '../../src/http/principal.ts';
import { agentPipeline } from '../support/agent-pipeline.ts';
import { jsonOf } from '../support/api.ts';
import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';
import { openAiClient } from '../support/openai-client.ts';
import { a2aClient, send, textsOf, withHeaders } from './a2a/a2a-client.ts';
import { chat as callTool, mcpClient } from './mcp/mcp-client.ts';

// The client of AG-UI prints each refusal.
mock.method(console, 'error', () => {});

/** The key `service` is a service's; any other one is a contact's who is called so. */
async function byKey({ headers }: Request): Promise<Principal> {
  const key = headers.get('authorization')?.replace('Bearer ', '') ?? '';
  return key === 'service'
    ? { kind: 'service', id: key }
    : { kind: 'contact', id: key, contactId: key };
}

function serve(): Promise<ServedApp> {
  return serveApp(agentPipeline().pipeline, { authenticate: byKey });
}

function openAi(served: ServedApp, apiKey: string): ReturnType<typeof openAiClient>['client'] {
  return openAiClient(served, { apiKey }).client;
}

interface Asked {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A contact that the body names. */
  readonly named?: string;
}

/** Ways to say something to the app; each gives its first answer. */
const CLIENTS: Readonly<
  Record<string, (served: ServedApp, text: string, request: Asked) => Promise<string | undefined>>
> = {
  async 'openai-chat'(served, content, { key = 'service', headers, named }) {
    const { choices } = await openAi(served, key).chat.completions.create(
      { model: 'm', messages: [{ role: 'user', content }], ...(named && { user: named }) },
      { ...(headers && { headers }) },
    );
    return choices[0]?.message.content ?? undefined;
  },
  async 'openai-responses'(served, input, { key = 'service', headers, named }) {
    const response = await openAi(served, key).responses.create(
      { model: 'm', input, ...(named && { user: named }) },
      { ...(headers && { headers }) },
    );
    return response.output_text;
  },
  async 'ai-sdk'(served, text, { key = 'service', headers, named }) {
    const transport = new DefaultChatTransport({
      api: `${served.origin}/ai-sdk/chat`,
      headers: { authorization: `Bearer ${key}`, ...headers },
      body: named ? { contact_id: named } : {},
    });
    const chat = new Chat({ id: crypto.randomUUID(), transport });
    await chat.sendMessage({ text });
    if (chat.error) throw chat.error;
    const part = chat.lastMessage?.parts.find(({ type }) => type === 'text');
    return part?.type === 'text' ? part.text : undefined;
  },
  async 'ag-ui'(served, content, { key = 'service', headers, named }) {
    const agent = agUiAgent(served, { key, ...(headers && { headers }) });
    agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
    const forwardedProps = named ? { contact_id: named } : {};
    const { newMessages } = await agent.runAgent({ forwardedProps });
    const { content: text } = newMessages[0] ?? {};
    return typeof text === 'string' ? text : undefined;
  },
  async a2a({ origin }, text, { key = 'service', headers = {}, named }) {
    const client = await a2aClient(origin, { binding: 'JSONRPC', key });
    const contact = named ? { contactId: named } : {};
    return textsOf(await send(client, text, contact, withHeaders({ ...headers })))[0];
  },
  async mcp({ origin }, text, { key = 'service', headers, named }) {
    await using mcp = await mcpClient(origin, { authorization: `Bearer ${key}`, ...headers });
    const { texts, isError } = await callTool(mcp, text, named ? { contact_id: named } : {});
    if (isError) throw new Error(texts[0]);
    return texts[0];
  },
  async 'deep-chat'({ origin }, text, { key = 'service', headers, named }) {
    const response = await fetch(`${origin}/deep-chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ messages: [{ text }], ...(named && { contact_id: named }) }),
    });
    const answer = await jsonOf(response);
    if (!response.ok) throw new Error(String(answer['error']));
    return String(answer['text']);
  },
};

function agUiAgent(
  { origin }: ServedApp,
  { key, headers, threadId }: Asked & { readonly threadId?: string },
): HttpAgent {
  return new HttpAgent({
    url: `${origin}/ag-ui`,
    threadId: threadId ?? crypto.randomUUID(),
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

for (const [protocol, say] of Object.entries(CLIENTS)) {
  describe(protocol, () => {
    test('a contact that a header names goes before one that the body names', async () => {
      await using served = await serve();
      const headers = { 'x-jims-contact-id': 'anna' };
      assert.equal(await say(served, 'whoami', { headers }), 'anna');
      assert.equal(await say(served, 'whoami', { named: 'bert' }), 'bert');
      assert.equal(await say(served, 'whoami', { headers, named: 'bert' }), 'anna');
    });

    test('without a contact it is nobody, whose name no caller can take', async () => {
      await using served = await serve();
      const nobody = (await say(served, 'whoami', {})) ?? '';
      assert.match(nobody, /^nobody:/);
      await assert.rejects(say(served, 'hello', { named: nobody }));
      await assert.rejects(say(served, 'hello', { headers: { 'x-jims-contact-id': nobody } }));
      await assert.rejects(say(served, 'hello', { key: nobody }));
    });

    test('a name that no contact can have is refused, not taken for trouble with the database', async () => {
      await using served = await serve();
      const headers = { 'x-jims-contact-id': 'x'.repeat(513) };
      await assert.rejects(say(served, 'hello', { headers }), /contact is 1 to 512 characters/);
    });

    test('a key that is used for another contact does not give the answer of the first one', async () => {
      await using served = await serve();
      const asking = (contact: string): Asked => ({
        headers: { 'x-jims-contact-id': contact, 'idempotency-key': 'key-1' },
      });
      assert.equal(await say(served, 'whoami', asking('anna')), 'anna');
      await assert.rejects(
        say(served, 'whoami', asking('bert')),
        /Idempotency-Key|another request/,
      );
    });
  });
}

test('a contact named like a protocol reaches none of nobody’s threads', async () => {
  await using served = await serve();
  const service = openAi(served, 'service');
  const namesake = openAi(served, 'openai');
  const kept = await service.responses.create({ model: 'm', input: 'secret' });
  const conversation = await service.conversations.create();
  const threadId = String(kept.metadata?.['thread_id']);
  const headers = { 'x-jims-thread-id': threadId };
  const messages = [{ role: 'user', content: 'history' }] as const;
  const notFound = [
    namesake.responses.retrieve(kept.id),
    namesake.responses.inputItems.list(kept.id),
    namesake.conversations.retrieve(conversation.id),
    namesake.conversations.delete(conversation.id),
    namesake.chat.completions.create({ model: 'm', messages: [...messages] }, { headers }),
  ];
  for (const answer of notFound) await assert.rejects(answer, NotFoundError);
  const behind = { model: 'm', input: 'history', previous_response_id: kept.id };
  await assert.rejects(namesake.responses.create(behind), BadRequestError);
  const asUser = { model: 'm', messages: [...messages], user: 'openai' };
  await assert.rejects(service.chat.completions.create(asUser, { headers }), NotFoundError);
  const asNobody = openAi(served, 'nobody:openai');
  await assert.rejects(asNobody.responses.retrieve(kept.id), AuthenticationError);
});

test('a chat of nobody’s is not restored to a contact named like its protocol', async () => {
  await using served = await serve();
  const transport = new DefaultChatTransport({
    api: `${served.origin}/ai-sdk/chat`,
    headers: { authorization: 'Bearer service' },
  });
  const chat = new Chat({ id: 'chat-1', transport });
  await chat.sendMessage({ text: 'secret' });
  const restored = await fetch(`${served.origin}/ai-sdk/chat/chat-1`, {
    headers: { authorization: 'Bearer ai-sdk' },
  });
  assert.deepEqual(await jsonOf(restored), { messages: [] });

  const agent = agUiAgent(served, { key: 'service', threadId: 'th-1' });
  agent.addMessage({ id: 'u1', role: 'user', content: 'secret' });
  await agent.runAgent();
  for (const request of [{ key: 'ag-ui' }, { key: 'service', named: 'ag-ui' }]) {
    const namesake = agUiAgent(served, { ...request, threadId: 'th-1' });
    await namesake.runAgent({ forwardedProps: request.named ? { contact_id: request.named } : {} });
    assert.deepEqual(namesake.messages, []);
  }
});
