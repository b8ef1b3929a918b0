import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BadRequestError, NotFoundError } from 'openai';

import { agentPipeline } from '../../../support/agent-pipeline.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

/** Refused, with what can be done instead. */
function refusal(code: string, instead: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.code, code);
    assert.match(error.message, instead);
    return true;
  };
}

test('a response that is all of its thread is erased with it', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served);
  const alone = await client.responses.create({ input: 'hello', user: 'anna' });
  const seeded = await client.responses.create({
    input: [
      { role: 'user', content: 'earlier' },
      { role: 'assistant', content: 'said before' },
      { role: 'user', content: 'hello' },
    ],
    user: 'anna',
  });
  const silent = await client.responses.create({ input: 'silent', user: 'anna' });
  for (const { id } of [alone, seeded, silent]) {
    await client.responses.delete(id);
    await assert.rejects(client.responses.retrieve(id), NotFoundError);
    await assert.rejects(client.responses.delete(id), NotFoundError);
  }
  assert.deepEqual((await served.app.threads.list({ contactId: 'anna', limit: 10 })).threads, []);
});

test('a part of a longer conversation is not deleted, and it is said what can be', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served);
  const first = await client.responses.create({ input: 'a' });
  const second = await client.responses.create({ input: 'b', previous_response_id: first.id });
  const conversation = await client.conversations.create();
  const inIt = await client.responses.create({ input: 'a', conversation: conversation.id });
  for (const { id } of [first, second, inIt]) {
    const refused = refusal('response_in_conversation', /DELETE \/v1\/conversations\/conv_/);
    await assert.rejects(client.responses.delete(id), refused);
    assert.equal((await client.responses.retrieve(id)).id, id);
  }
  const items = await client.conversations.items.list(conversation.id);
  const item = { conversation_id: conversation.id };
  await assert.rejects(
    client.conversations.items.delete(items.data[0]?.id ?? '', item),
    refusal('items_not_deletable', new RegExp(conversation.id)),
  );
  await client.conversations.delete(conversation.id);
  await assert.rejects(client.responses.retrieve(inIt.id), NotFoundError);
});

test('what was added to the thread of a response is not erased with it', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served);
  const { id, metadata } = await client.responses.create({ input: 'a' });
  const threadId = String(metadata?.['thread_id']);
  await (await served.app.threads.find(threadId))?.appendAssistantMessage('and by the way');
  await assert.rejects(
    client.responses.delete(id),
    refusal('response_in_conversation', new RegExp(threadId.replaceAll('-', ''))),
  );
});

test('a response that is not over is to be cancelled first', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const { client } = openAiClient(served);
  const { id } = await client.responses.create({ input: 'wait', background: true });
  await assert.rejects(
    client.responses.delete(id),
    refusal('response_in_progress', /cancel it first/),
  );
  await client.responses.cancel(id);
  await client.responses.delete(id);
  await assert.rejects(client.responses.retrieve(id), NotFoundError);
});

test('another contact’s response is not found, and stays', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const { client } = openAiClient(served);
  const { id } = await client.responses.create({ input: 'hello', user: 'anna' });
  const bert = { headers: { 'x-jims-contact-id': 'bert' } };
  await assert.rejects(client.responses.delete(id, bert), NotFoundError);
  assert.equal((await client.responses.retrieve(id)).id, id);
});
