import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import type OpenAI from 'openai';

import { serveApp } from '../../../support/listening-app.ts';
import { openAiClient } from '../../../support/openai-client.ts';
import {
  HOURS,
  PLAN,
  REASONING,
  TEXT,
  TOOL_TITLE,
  sayInParts,
} from '../../../support/parts-pipeline.ts';

const { url, title } = HOURS;
const end = { start_index: TEXT.length, end_index: TEXT.length };

function ask(
  content: string,
): Pick<OpenAI.ChatCompletionCreateParamsNonStreaming, 'model' | 'messages'> {
  return { model: 'any', messages: [{ role: 'user', content }] };
}

function annotationsAt(origin: string): unknown {
  const address = `${origin}/api/v1/files/${PLAN.file_id}`;
  return [
    { type: 'url_citation', url_citation: { url, title, ...end } },
    { type: 'url_citation', url_citation: { url: address, title: PLAN.name, ...end }, file: PLAN },
  ];
}

test('the whole answer cites its sources and files, with the reasoning that is kept', async () => {
  await using served = await serveApp(sayInParts);
  const { client } = openAiClient(served);
  const kept = await client.chat.completions.create(ask('keep'));
  assert.deepEqual(kept.choices[0]?.message, {
    role: 'assistant',
    content: TEXT,
    refusal: null,
    reasoning_content: REASONING,
    annotations: annotationsAt(served.origin),
  });
  const unkept = await client.chat.completions.create(ask('hello'));
  assert.equal('reasoning_content' in Object(unkept.choices[0]?.message), false);
});

test('a public address of the service is that of its files', async () => {
  const publicUrl = 'https://chat.example/jims';
  await using served = await serveApp(sayInParts, { publicUrl });
  const { client } = openAiClient(served);
  const { choices } = await client.chat.completions.create(ask('hello'));
  assert.deepEqual(choices[0]?.message.annotations, annotationsAt(publicUrl));
});

test('a stream has reasoning as it comes, the tool as a status, and last what is cited', async () => {
  await using served = await serveApp(sayInParts);
  const { client } = openAiClient(served);
  const chunks = await Array.fromAsync(
    await client.chat.completions.create({ ...ask('hello'), stream: true }),
  );
  const pieces = chunks.map((chunk) => {
    const { event }: { event?: { data: unknown } } = Object(chunk);
    return event ? event.data : chunk.choices[0]?.delta;
  });
  assert.deepEqual(pieces, [
    { role: 'assistant', content: '' },
    { reasoning_content: 'They want ' },
    { reasoning_content: 'hours.' },
    { description: TOOL_TITLE, done: false },
    { description: TOOL_TITLE, done: true },
    { content: 'We are open ' },
    { content: 'from 9 to 17.' },
    { annotations: annotationsAt(served.origin) },
    {},
  ]);
  const whole = await client.chat.completions.stream(ask('hello')).finalMessage();
  assert.equal(whole.content, TEXT);
  assert.deepEqual(whole.annotations, annotationsAt(served.origin));
});

test('the AI SDK shows the reasoning and the sources, and LangChain the reasoning', async () => {
  await using served = await serveApp(sayInParts);
  const baseURL = `${served.origin}/v1`;
  const links = [url, `${served.origin}/api/v1/files/${PLAN.file_id}`];

  const openai = createOpenAI({ baseURL, apiKey: 'key' }).chat('any');
  const whole = await generateText({ model: openai, prompt: 'keep' });
  assert.deepEqual(
    whole.sources.map((source) => source.sourceType === 'url' && source.url),
    links,
  );
  const live = streamText({ model: openai, prompt: 'hello' });
  assert.equal(await live.text, TEXT);
  const sources = await live.sources;
  assert.deepEqual(
    sources.map((source) => source.sourceType === 'url' && source.url),
    links,
  );

  const compatible = createOpenAICompatible({ baseURL, name: 'jims' })('any');
  assert.equal(
    (await generateText({ model: compatible, prompt: 'keep' })).reasoningText,
    REASONING,
  );
  const streamed = streamText({ model: compatible, prompt: 'hello' });
  assert.equal(await streamed.text, TEXT);
  assert.equal(await streamed.reasoningText, REASONING);

  const configuration = { baseURL };
  const langChain = new ChatOpenAI({ apiKey: 'key', model: 'any', configuration });
  const message = await langChain.invoke('keep');
  assert.equal(message.additional_kwargs['reasoning_content'], REASONING);
});
