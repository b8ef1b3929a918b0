import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
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

function citation(at: number): object {
  return { type: 'url_citation', url, title, start_index: at, end_index: at };
}

function fileCitation(origin: string): object {
  return {
    type: 'url_citation',
    url: `${origin}/api/v1/files/${PLAN.file_id}`,
    title: PLAN.name,
    file: PLAN,
    start_index: 0,
    end_index: 0,
  };
}

/** Each item in short: what it says, and what it cites. */
function shortOf(item: OpenAI.Responses.ResponseOutputItem): unknown {
  if (item.type === 'reasoning') return item.summary.map(({ text }) => text);
  if (item.type !== 'message') return item.type;
  const [part] = item.content;
  return part?.type === 'output_text' ? [part.text, ...part.annotations] : part;
}

test('the stored response cites its sources and files, after the reasoning that is kept', async () => {
  await using served = await serveApp(sayInParts);
  const { client } = openAiClient(served);
  const kept = await client.responses.create({ input: 'keep' });
  const messages = [
    [TEXT, citation(TEXT.length)],
    ['', fileCitation(served.origin)],
  ];
  assert.deepEqual(kept.output.map(shortOf), [[REASONING], ...messages]);
  const again = await client.responses.retrieve(kept.id);
  assert.deepEqual(again.output, kept.output);
  const unkept = await client.responses.create({ input: 'hello' });
  assert.deepEqual(unkept.output.map(shortOf), messages);
});

test('a stream has reasoning and citations as events of their own, in order and numbered', async () => {
  await using served = await serveApp(sayInParts);
  const { client } = openAiClient(served);
  const events = await Array.fromAsync(
    await client.responses.create({ input: 'hello', stream: true }),
  );
  assert.deepEqual(
    events.map(({ type }) => type.replace('response.', '')),
    [
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      // The tool, as a status.
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.annotation.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      // The message that is a file.
      'output_item.added',
      'content_part.added',
      'output_text.annotation.added',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ],
  );
  assert.deepEqual(
    events.map(({ sequence_number: number }) => number),
    events.map((_, index) => index),
  );
  const last = events.at(-1);
  assert.ok(last?.type === 'response.completed');
  assert.deepEqual(last.response.output.map(shortOf), [
    [REASONING],
    [TOOL_TITLE],
    [TEXT, citation('We are open '.length)],
    ['', fileCitation(served.origin)],
  ]);
  const read = await client.responses.retrieve(last.response.id, { stream: true });
  assert.deepEqual(await Array.fromAsync(read), events);
  const after = { stream: true, starting_after: 4 } as const;
  const rest = await Array.fromAsync(await client.responses.retrieve(last.response.id, after));
  assert.deepEqual(rest, events.slice(5));
});

test('OpenAI’s helper puts the stream together to the same response', async () => {
  await using served = await serveApp(sayInParts);
  const { client } = openAiClient(served);
  const response = await client.responses.stream({ input: 'hello', model: 'any' }).finalResponse();
  assert.deepEqual(response.output.map(shortOf), [
    [REASONING],
    [TOOL_TITLE],
    [TEXT, citation('We are open '.length)],
    ['', fileCitation(served.origin)],
  ]);
});

test('the items of the conversation cite, too', async () => {
  await using served = await serveApp(sayInParts);
  const { client } = openAiClient(served);
  const conversation = (await client.conversations.create({})).id;
  await client.responses.create({ input: 'keep', conversation });
  const { data } = await client.conversations.items.list(conversation, { order: 'asc' });
  const parts = data.flatMap((item) => (item.type === 'message' ? item.content : []));
  assert.deepEqual(
    parts.map((part) => (part.type === 'output_text' ? part.annotations : part.type)),
    ['input_text', [citation(TEXT.length)], [fileCitation(served.origin)]],
  );
});

test('the AI SDK and LangChain show the reasoning and the sources', async () => {
  await using served = await serveApp(sayInParts);
  const baseURL = `${served.origin}/v1`;
  const links = [url, `${served.origin}/api/v1/files/${PLAN.file_id}`];
  const model = createOpenAI({ baseURL, apiKey: 'key' })('any');
  const whole = await generateText({ model, prompt: 'keep' });
  assert.equal(whole.reasoningText, REASONING);
  assert.deepEqual(
    whole.sources.map((source) => source.sourceType === 'url' && source.url),
    links,
  );
  const live = streamText({ model, prompt: 'hello' });
  assert.equal(await live.text, TEXT);
  assert.match((await live.reasoningText) ?? '', /^They want hours\./);
  const sources = await live.sources;
  assert.deepEqual(
    sources.map((source) => source.sourceType === 'url' && source.url),
    links,
  );

  const langChain = new ChatOpenAI({
    apiKey: 'key',
    model: 'any',
    useResponsesApi: true,
    configuration: { baseURL },
  });
  const pieces = await Array.fromAsync(await langChain.stream('hello'));
  const blocks = pieces.flatMap(({ contentBlocks }) => contentBlocks);
  assert.equal(
    blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join(''),
    TEXT,
  );
  assert.match(JSON.stringify(pieces), /They want /);
  assert.ok(JSON.stringify(blocks).includes(url));
});
