// What clients of any model API must do with a pipeline that fails or is stopped.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { APICallError, generateText, streamText } from 'ai';
import type { LanguageModel } from 'ai';

import { agentPipeline } from './agent-pipeline.ts';
import { serveApp } from './listening-app.ts';
import type { ServedApp } from './listening-app.ts';

const FAILS_ONCE = 'runs a pipeline that fails once, though it asks again by itself';

/** `errors`: how many a failure is in a stream, where a failed answer and an error are told apart. */
export function testFailureOfAiSdk(
  modelOf: (served: ServedApp) => LanguageModel,
  errors: number,
): void {
  test(FAILS_ONCE, async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const model = modelOf(served);
    await assert.rejects(generateText({ model, prompt: 'boom' }), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.match(error.message, /Pipeline error/);
      return true;
    });
    assert.equal(agent.runs, 1);
    const reported: unknown[] = [];
    const result = streamText({
      model,
      prompt: 'boom',
      onError: ({ error }) => void reported.push(error),
    });
    await result.consumeStream();
    assert.equal(reported.length, errors);
    assert.match(String(reported[0]), /Pipeline error/);
    assert.equal(agent.runs, 2);
  });

  test('stops the run by its signal', async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    const abort = new AbortController();
    const { textStream } = streamText({
      model: modelOf(served),
      prompt: 'wait',
      abortSignal: abort.signal,
    });
    for await (const text of textStream) if (text !== '') abort.abort();
    await agent.stopped;
  });
}

export function testFailureOfLangChain(modelOf: (served: ServedApp) => BaseChatModel): void {
  test(FAILS_ONCE, async () => {
    const agent = agentPipeline();
    await using served = await serveApp(agent.pipeline);
    await assert.rejects(modelOf(served).invoke('boom'), /Pipeline error/);
    assert.equal(agent.runs, 1);
    const stream = await modelOf(served).stream('boom');
    await assert.rejects(Array.fromAsync(stream), /Pipeline error/);
    assert.equal(agent.runs, 2);
  });
}
