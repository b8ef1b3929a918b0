import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { ChatAnthropic } from '@langchain/anthropic';
import { generateText, streamText } from 'ai';
import type { LanguageModel } from 'ai';

import { agentPipeline } from '../../support/agent-pipeline.ts';
import { testFailureOfAiSdk, testFailureOfLangChain } from '../../support/failing-and-stopping.ts';
import { serveApp } from '../../support/listening-app.ts';
import type { ServedApp } from '../../support/listening-app.ts';
import { HOURS, REASONING, TEXT, sayInParts } from '../../support/parts-pipeline.ts';
import { talkative } from '../../support/talkative-pipeline.ts';

describe('ChatAnthropic of LangChain', () => {
  function chatModel({ origin }: ServedApp): ChatAnthropic {
    return new ChatAnthropic({ apiKey: 'key', model: 'any', anthropicApiUrl: origin });
  }

  test('is answered, at once and in pieces', async () => {
    await using served = await serveApp(talkative);
    const model = chatModel(served);
    assert.equal((await model.invoke('go')).text, 'one two threeWhich?the end');
    const pieces = await Array.fromAsync(await model.stream('go'));
    assert.equal(pieces.map(({ text }) => text).join(''), 'one two threeWhich?the end');
    assert.ok(pieces.length > 4);
  });

  testFailureOfLangChain(chatModel);
});

describe('@ai-sdk/anthropic', () => {
  function modelOf({ origin }: ServedApp): LanguageModel {
    return createAnthropic({ apiKey: 'key', baseURL: `${origin}/v1` })('any');
  }

  test('is answered, at once and in pieces', async () => {
    await using served = await serveApp(talkative);
    const model = modelOf(served);
    assert.equal((await generateText({ model, prompt: 'go' })).text, 'one two threeWhich?the end');
    const result = streamText({ model, prompt: 'go' });
    const pieces = await Array.fromAsync(result.textStream);
    assert.equal(pieces.join(''), 'one two threeWhich?the end');
    assert.ok(pieces.length > 4);
    assert.equal(await result.finishReason, 'stop');
  });

  test('shows the reasoning and the sources', async () => {
    await using served = await serveApp(sayInParts);
    const result = streamText({ model: modelOf(served), prompt: 'hello' });
    assert.equal(await result.text, TEXT);
    assert.equal((await result.finalStep).reasoningText, REASONING);
    const [source] = await result.sources;
    assert.equal(source?.sourceType === 'url' && source.url, HOURS.url);
  });

  test('has its history', async () => {
    await using served = await serveApp(agentPipeline().pipeline);
    const { text } = await generateText({
      model: modelOf(served),
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'history' },
      ],
    });
    assert.equal(text, 'a|b|history');
  });

  testFailureOfAiSdk(modelOf, 1);
});
