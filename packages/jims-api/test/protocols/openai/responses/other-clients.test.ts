import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import type { LanguageModel, ModelMessage } from 'ai';

import { agentPipeline } from '../../../support/agent-pipeline.ts';
import {
  testFailureOfAiSdk,
  testFailureOfLangChain,
} from '../../../support/failing-and-stopping.ts';
import { serveApp } from '../../../support/listening-app.ts';
import type { ServedApp } from '../../../support/listening-app.ts';
import { talkative } from '../../../support/talkative-pipeline.ts';

const TALK = ['one two three', 'Which?', 'the end'];

describe('the AI SDK', () => {
  function modelOf({ origin }: ServedApp): LanguageModel {
    return createOpenAI({ baseURL: `${origin}/v1`, apiKey: 'key' })('any');
  }

  test('is answered, at once and in pieces, statuses as reasoning', async () => {
    await using served = await serveApp(talkative);
    const model = modelOf(served);
    const { text, finishReason } = await generateText({ model, prompt: 'go' });
    assert.equal(text, TALK.join(''));
    assert.equal(finishReason, 'stop');
    const result = streamText({ model, prompt: 'go' });
    const pieces = await Array.fromAsync(result.textStream);
    assert.equal(pieces.join(''), TALK.join(''));
    assert.ok(pieces.length > 4);
    assert.match((await result.reasoningText) ?? '', /Searching…/);
  });

  test('goes on by the id of the response before', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const model = modelOf(served);
    const first = await generateText({
      model,
      prompt: 'hello',
      providerOptions: { openai: { user: 'anna' } },
    });
    const previousResponseId = first.providerMetadata?.['openai']?.['responseId'];
    assert.ok(typeof previousResponseId === 'string');
    const second = await generateText({
      model,
      prompt: 'history',
      providerOptions: { openai: { previousResponseId } },
    });
    assert.equal(second.text, 'hello|Echo: hello|history');
  });

  test('goes on by the messages that it sends back as mere ids, in the same thread', async () => {
    await using served = await serveApp(talkative);
    const model = modelOf(served);
    const messages: ModelMessage[] = [{ role: 'user', content: 'a' }];
    const first = streamText({ model, messages });
    await first.consumeStream();
    messages.push(...(await first.responseMessages), { role: 'user', content: 'b' });
    const second = await generateText({ model, messages });
    assert.equal(second.text, TALK.join(''));
    const threads = (await served.app.threads.list({ limit: 10 })).threads;
    assert.equal(threads.length, 1);
    const [thread] = threads;
    assert.ok(thread);
    const events = (await served.app.threads.events(thread.id, { limit: 100, domains: ['comm'] }))
      .events;
    assert.deepEqual(
      events.map(({ data }) => data['content']),
      ['a', ...TALK, 'b', ...TALK],
    );
  });

  test('gets an error for a message that it names and that does not exist', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const unknown: ModelMessage = {
      role: 'assistant',
      content: [{ type: 'text', text: 'x', providerOptions: { openai: { itemId: 'msg_1' } } }],
    };
    const messages: ModelMessage[] = [
      { role: 'user', content: 'a' },
      unknown,
      { role: 'user', content: 'b' },
    ];
    await assert.rejects(generateText({ model: modelOf(served), messages }), /msg_1.*not found/);
  });

  testFailureOfAiSdk(modelOf, 2);
});

describe('ChatOpenAI of LangChain with useResponsesApi', () => {
  function chatModel({ origin }: ServedApp): ChatOpenAI {
    return new ChatOpenAI({
      apiKey: 'key',
      model: 'any',
      useResponsesApi: true,
      configuration: { baseURL: `${origin}/v1` },
    });
  }

  test('is answered, at once and in pieces', async () => {
    await using served = await serveApp(talkative);
    const model = chatModel(served);
    assert.equal((await model.invoke('go')).text, TALK.join(''));
    const pieces = await Array.fromAsync(await model.stream('go'));
    assert.equal(pieces.map(({ text }) => text).join(''), TALK.join(''));
    assert.ok(pieces.length > 4);
  });

  test('sends its history', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { text } = await chatModel(served).invoke([
      ['human', 'a'],
      ['ai', 'b'],
      ['human', 'history'],
    ]);
    assert.equal(text, 'a|b|history');
  });

  testFailureOfLangChain(chatModel);
});
