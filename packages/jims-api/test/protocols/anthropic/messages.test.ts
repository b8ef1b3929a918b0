import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import type { ClientOptions } from '@anthropic-ai/sdk';
import { filesOfMessage } from 'jims-core/host';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { testApi } from '../../support/api.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { HOURS, PLAN, REASONING, TEXT, sayInParts } from '../../support/parts-pipeline.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

const MODEL = { model: 'any', max_tokens: 1000 };
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function client({ origin }: ServedApp, options: ClientOptions = {}): Anthropic {
  return new Anthropic({ apiKey: 'key', baseURL: origin, ...options });
}

function said(content: string): Anthropic.MessageParam[] {
  return [{ role: 'user', content }];
}

function textOf({ content }: Anthropic.Message): string[] {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
}

test('each message of the app is a block of one answer', async () => {
  await using served = await serveApp(talkative);
  const message = await client(served).messages.create({ ...MODEL, messages: said('go') });
  const { id, ...rest } = message;
  assert.match(id, /^msg_[0-9a-f]{32}$/);
  assert.deepEqual(rest, {
    type: 'message',
    role: 'assistant',
    model: 'any',
    content: ['one two three', 'Which?', 'the end'].map((text) => ({
      type: 'text',
      text,
      citations: null,
    })),
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    },
  });
});

test('a stream comes in pieces, and makes the same message', async () => {
  await using served = await serveApp(talkative);
  const stream = client(served).messages.stream({ ...MODEL, messages: said('go') });
  const deltas: string[] = [];
  stream.on('text', (delta) => deltas.push(delta));
  const message = await stream.finalMessage();
  assert.deepEqual(deltas.slice(0, 3), ['one ', 'two ', 'three']);
  assert.deepEqual(textOf(message), ['one two three', 'Which?', 'the end']);
  assert.equal(message.stop_reason, 'end_turn');
});

test('a stream has its events in the order that clients want', async () => {
  await using api = testApi((ctx) => ctx.sendMessage('Hello'));
  const response = await api.post('/v1/messages', { stream: true, messages: said('Hi') });
  assert.match(response.headers.get('request-id') ?? '', /./);
  const events = [...(await response.text()).matchAll(/^event: (.+)$/gm)].map(([, name]) => name);
  assert.deepEqual(events, [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
});

test('thinking, sources and files come as blocks and citations', async () => {
  await using served = await serveApp(sayInParts);
  const citations = [
    { url: HOURS.url, title: HOURS.title, cited_text: HOURS.excerpt },
    { url: `${served.origin}/api/v1/files/${PLAN.file_id}`, title: PLAN.name, cited_text: '' },
  ].map(({ url, title, cited_text }) => {
    const type = 'web_search_result_location';
    return { type, url, title, cited_text, encrypted_index: '' };
  });
  const { content } = await client(served).messages.create({ ...MODEL, messages: said('keep') });
  const [hours, plan] = citations;
  assert.deepEqual(content, [
    { type: 'thinking', thinking: REASONING, signature: '' },
    { type: 'text', text: TEXT, citations: [hours] },
    { type: 'text', text: '', citations: [plan] },
  ]);
  const live = client(served).messages.stream({ ...MODEL, messages: said('hello') });
  assert.deepEqual((await live.finalMessage()).content, [
    { type: 'thinking', thinking: REASONING, signature: '' },
    { type: 'text', text: TEXT, citations },
  ]);
});

test('the system prompt, the history and the contact are those of the request', async () => {
  const config = Promise.withResolvers<unknown>();
  await using served = await serveApp((ctx) => {
    config.resolve(ctx.threadConfig);
    ctx.sendMessage([ctx.contactId, ...ctx.history.map(({ content }) => content)].join('|'));
  });
  const message = await client(served).messages.create({
    ...MODEL,
    system: [{ type: 'text', text: 'Be brief' }],
    metadata: { user_id: 'anna' },
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
      { role: 'assistant', content: 'b' },
      ...said('c'),
      { role: 'system', content: 'Be kind' },
    ],
  });
  assert.deepEqual(textOf(message), ['anna|a|b|c']);
  const system_prompt = 'Be brief\n\nBe kind';
  assert.deepEqual(await config.promise, { interface: 'anthropic', system_prompt });
});

test('a chat that is named goes on in its thread, and a thread by its id', async () => {
  await using served = await serveApp(agentPipeline().pipeline);
  const defaultHeaders = { 'x-conversation-id': 'chat-1' };
  const chat = client(served, { defaultHeaders });
  const first = await chat.messages.create({ ...MODEL, messages: said('hello') }).withResponse();
  const messages = [
    ...said('hello'),
    { role: 'assistant' as const, content: first.data.content },
    ...said('history'),
  ];
  const second = await chat.messages.create({ ...MODEL, messages }).withResponse();
  assert.deepEqual(textOf(second.data), ['hello|Echo: hello|history']);
  const threadId = first.response.headers.get('x-jims-thread-id') ?? '';
  assert.equal(second.response.headers.get('x-jims-thread-id'), threadId);
  const third = client(served, { defaultHeaders: { 'x-jims-thread-id': threadId } });
  const answer = await third.messages.create({ ...MODEL, messages: said('history') });
  assert.match(textOf(answer)[0] ?? '', /^hello\|Echo: hello\|history\|/);
});

test('images and documents are the files of the message', async () => {
  await using served = await serveApp((ctx) => {
    const files = filesOfMessage(ctx.events.at(-1)?.data ?? {});
    ctx.sendMessage(files.map((file) => `${file.name} ${file.media_type}`).join(', '));
  });
  const message = await client(served).messages.create({
    ...MODEL,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
          {
            type: 'document',
            title: 'notes.txt',
            source: { type: 'text', media_type: 'text/plain', data: 'Milk' },
          },
        ],
      },
    ],
  });
  assert.deepEqual(textOf(message), ['image.png image/png, notes.txt text/plain']);
});

test('a pipeline that fails runs once, and the client gets the reason', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const create = client(served).messages.create({ ...MODEL, messages: said('boom') });
  await assert.rejects(create, (error) => {
    assert.ok(error instanceof Anthropic.InternalServerError);
    assert.match(error.message, /Pipeline error/);
    assert.match(error.requestID ?? '', /./);
    return true;
  });
  assert.equal(agent.runs, 1);
  const stream = client(served).messages.stream({ ...MODEL, messages: said('boom') });
  await assert.rejects(stream.finalMessage(), /Pipeline error/);
  assert.equal(agent.runs, 2);
});

test('closing the stream stops the run', async () => {
  const agent = agentPipeline();
  await using served = await serveApp(agent.pipeline);
  const stream = client(served).messages.stream({ ...MODEL, messages: said('wait') });
  stream.on('text', () => stream.abort());
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  await agent.stopped;
});

test('a key comes as x-api-key or as a bearer token', async () => {
  await using served = await serveApp(agentPipeline().pipeline, { apiKeys: ['right'] });
  const say = (options: ClientOptions): Promise<Anthropic.Message> =>
    client(served, options).messages.create({ ...MODEL, messages: said('hello') });
  assert.deepEqual(textOf(await say({ apiKey: 'right' })), ['Echo: hello']);
  assert.deepEqual(textOf(await say({ apiKey: null, authToken: 'right' })), ['Echo: hello']);
  await assert.rejects(say({ apiKey: 'wrong' }), Anthropic.AuthenticationError);
});

test('the app is a model, and tokens are estimated', async () => {
  await using served = await serveApp({ name: 'Shop', pipeline: () => {} });
  const { models, messages } = client(served);
  const listed = await Array.fromAsync(models.list());
  assert.deepEqual(
    listed.map(({ id, type }) => [id, type]),
    [['Shop', 'model']],
  );
  assert.equal((await models.retrieve('any-name')).id, 'any-name');
  const below = client(served, { baseURL: `${served.origin}/anthropic` });
  assert.equal((await Array.fromAsync(below.models.list())).length, 1);
  const counted = await messages.countTokens({ model: 'any', messages: said('a'.repeat(400)) });
  assert.equal(counted.input_tokens, 100);
});

test('what is wrong with a request is said in Anthropic’s words', async () => {
  await using api = testApi(agentPipeline().pipeline);
  const refused: readonly (readonly [string, unknown, number, string, RegExp])[] = [
    ['/v1/messages', { messages: [] }, 400, 'invalid_request_error', /messages/],
    [
      '/v1/messages',
      { messages: [{ role: 'assistant', content: 'x' }] },
      400,
      'invalid_request_error',
      /last message must be the user’s/,
    ],
    ['/v1/messages', '{', 400, 'invalid_request_error', /JSON/],
    ['/v1/messages', { messages: said('x'.repeat(300_000)) }, 413, 'request_too_large', /larger/],
    ['/v1/messages/batches', {}, 404, 'not_found_error', /Unknown request URL/],
  ];
  for (const [path, body, status, type, message] of refused) {
    const response = await api.post(path, body);
    const answer: { type: string; error: { type: string; message: string }; request_id: string } =
      JSON.parse(await response.text());
    assert.equal(response.status, status, path);
    assert.equal(answer.type, 'error');
    assert.equal(answer.error.type, type);
    assert.match(answer.error.message, message);
    assert.equal(answer.request_id, response.headers.get('request-id'));
  }
});
