import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import type { ChatOpenAIFields } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import type { LanguageModel } from 'ai';

import { agentPipeline } from '../../../support/agent-pipeline.ts';
import {
  testFailureOfAiSdk,
  testFailureOfLangChain,
} from '../../../support/failing-and-stopping.ts';
import { serveApp } from '../../../support/listening-app.ts';
import type { ServedApp } from '../../../support/listening-app.ts';
import { talkative } from '../../../support/talkative-pipeline.ts';

const TALK = 'one two three\n\nWhich?\n\nthe end';

describe('ChatOpenAI of LangChain', () => {
  function chatModel({ origin }: ServedApp, fields: ChatOpenAIFields = {}): ChatOpenAI {
    const configuration = { baseURL: `${origin}/v1` };
    return new ChatOpenAI({ apiKey: 'key', model: 'any', configuration, ...fields });
  }

  test('is answered, at once and in pieces', async () => {
    await using served = await serveApp(talkative);
    const model = chatModel(served);
    assert.equal((await model.invoke('go')).content, TALK);
    const pieces = await Array.fromAsync(await model.stream('go'));
    assert.equal(pieces.map(({ text }) => text).join(''), TALK);
    assert.ok(pieces.length > 4);
  });

  test('has its history, its user and a thread by its own options', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const model = chatModel(served, { user: 'anna' });
    assert.equal((await model.invoke('whoami')).content, 'anna');
    const { content } = await model.invoke([
      ['system', 'Be brief'],
      ['human', 'a'],
      ['ai', 'b'],
      ['human', 'history'],
    ]);
    assert.equal(content, 'a|b|history');
    const { thread } = await served.app.threads.getOrCreate({ contactId: 'anna' });
    const inThread = chatModel(served, {
      user: 'anna',
      modelKwargs: { metadata: { thread_id: thread.id } },
    });
    await inThread.invoke('hello');
    assert.equal((await inThread.invoke('history')).content, 'hello|Echo: hello|history');
  });

  testFailureOfLangChain(chatModel);

  test('stops the run by its signal', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const abort = new AbortController();
    const stream = await chatModel(served).stream('wait', { signal: abort.signal });
    await assert.rejects(async () => {
      for await (const { content } of stream) if (content !== '') abort.abort();
    });
    await agent.stopped;
  });

  test('gets an error that its key is wrong', async () => {
    await using served = await serveApp(agentPipeline().pipeline, { apiKeys: ['right'] });
    await assert.rejects(chatModel(served).invoke('hello'), /Unauthorized/);
  });
});

describe('openai-compatible of the AI SDK', () => {
  function compatible({ origin }: ServedApp, headers: Record<string, string> = {}): LanguageModel {
    const provider = createOpenAICompatible({
      name: 'jims',
      baseURL: `${origin}/v1`,
      apiKey: 'key',
      includeUsage: true,
      headers,
    });
    return provider('any');
  }

  test('is answered, at once and in pieces', async () => {
    await using served = await serveApp(talkative);
    const model = compatible(served);
    assert.equal((await generateText({ model, prompt: 'go' })).text, TALK);
    const result = streamText({ model, prompt: 'go' });
    const pieces = await Array.fromAsync(result.textStream);
    assert.equal(pieces.join(''), TALK);
    assert.ok(pieces.length > 4);
    assert.equal(await result.finishReason, 'stop');
    assert.equal((await result.usage).totalTokens, 0);
  });

  test('has its history, its user and a thread by its own options', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { response } = await generateText({
      model: compatible(served),
      prompt: 'hello',
      providerOptions: { jims: { user: 'anna' } },
    });
    const threadId = response.headers?.['x-jims-thread-id'] ?? '';
    const model = compatible(served, { 'x-jims-thread-id': threadId });
    const { text } = await generateText({ model, prompt: 'history' });
    assert.equal(text, 'hello|Echo: hello|history');
    const { text: sent } = await generateText({
      model: compatible(served),
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'history' },
      ],
    });
    assert.equal(sent, 'a|b|history');
  });

  testFailureOfAiSdk(compatible, 1);
});
