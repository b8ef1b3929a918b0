// The same protocol by the libraries of others, which retry and check in ways of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { APICallError, generateText, streamText } from 'ai';

import { serveApp } from '../../support/listening-app.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

const TALK = 'one two three\n\nWhich?\n\nthe end';

test('LangChain gets an answer, whole and in pieces', async () => {
  await using served = await serveApp(talkative);
  const model = new ChatOpenAI({
    model: 'jims',
    apiKey: 'key',
    configuration: { baseURL: `${served.origin}/v1` },
  });
  assert.equal((await model.invoke('hi')).content, TALK);
  const pieces: string[] = [];
  for await (const chunk of await model.stream('hi')) pieces.push(chunk.text);
  assert.ok(pieces.filter(Boolean).length > 1);
  assert.equal(pieces.join(''), TALK);
});

test('the AI SDK gets an answer, whole and in pieces, and names the contact', async () => {
  await using served = await serveApp(talkative);
  const provider = createOpenAICompatible({
    name: 'jims',
    apiKey: 'key',
    baseURL: `${served.origin}/v1`,
    headers: { 'x-jims-contact-id': 'c:9' },
  });
  const whole = await generateText({ model: provider('jims'), prompt: 'hi' });
  assert.equal(whole.text, TALK);
  const pieces: string[] = [];
  const { textStream } = streamText({ model: provider('jims'), prompt: 'hi' });
  for await (const piece of textStream) pieces.push(piece);
  assert.ok(pieces.length > 1);
  assert.equal(pieces.join(''), TALK);
  assert.ok(await served.app.latestThread('c:9'));
});

test('the AI SDK repeats a request that failed, and the pipeline does not run again', async () => {
  let runs = 0;
  await using served = await serveApp(() => {
    runs += 1;
    throw new Error('kaboom');
  });
  const provider = createOpenAICompatible({ name: 'jims', baseURL: `${served.origin}/v1` });
  await assert.rejects(
    generateText({ model: provider('jims'), prompt: 'hi', maxRetries: 1 }),
    (error) => {
      assert.ok(
        error instanceof Error && !APICallError.isInstance(error),
        'it gave up after retries',
      );
      return true;
    },
  );
  assert.equal(runs, 1);
});
