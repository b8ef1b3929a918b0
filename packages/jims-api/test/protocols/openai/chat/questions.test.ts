import assert from 'node:assert/strict';
import { test } from 'node:test';

import type OpenAI from 'openai';

import { askingPipeline } from '../../../support/asking-pipeline.ts';
import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';

type Message = OpenAI.ChatCompletionMessageParam;

const CHAT = { headers: { 'x-openwebui-chat-id': 'chat-1' } };

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

test('in a chat with an id the next message answers a question', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const say = async (messages: Message[]): Promise<string | null | undefined> =>
    (await client.chat.completions.create({ model: 'm', messages }, CHAT)).choices[0]?.message
      .content;
  const history = [user('refund')];
  assert.equal(await say(history), 'Refund it?');
  const answered = [...history, assistant('Refund it?'), user('Yes, please')];
  assert.equal(await say(answered), 'comm.user_message yes: Yes, please');
  assert.equal(await say([...answered, assistant('…'), user('more')]), 'Refund it?');
});

test('steps with a title are statuses of a stream, and nothing else of them is seen', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const messages = [user('refund')];
  const stream = await client.chat.completions.create({ model: 'm', messages, stream: true }, CHAT);
  for await (const chunk of stream) chunks.push(chunk);
  const events = chunks.flatMap((chunk) => ('event' in chunk ? [chunk.event] : []));
  const status = (description: string, done: boolean): object => ({
    type: 'status',
    data: { description, done },
  });
  assert.deepEqual(events, [
    status('Looking up the order', false),
    status('Trying the card', false),
    status('Trying the card', true),
  ]);
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  assert.equal(text, 'Refund it?');
  assert.doesNotMatch(JSON.stringify(chunks), /secret/);
});

test('without an id of its chat nothing can answer, and the pipeline learns it', async () => {
  await using served = await serveApp({ pipeline: askingPipeline });
  const { client } = openAiClient(served);
  const { choices } = await client.chat.completions.create({
    model: 'm',
    messages: [user('refund')],
  });
  assert.equal(choices[0]?.message.content, 'Refund it?\n\nNo way: unavailable');
});
