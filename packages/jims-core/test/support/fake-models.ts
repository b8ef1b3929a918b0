import { createLlmProvider } from 'jims-core/llm';
import type { LlmProvider, LlmSettings } from 'jims-core/llm';

import { startFakeOpenAI } from './fake-openai/fake-openai.mjs';
import type { FakeOpenAI, FakeOptions } from './fake-openai/fake-openai.mjs';

export interface FakeModels extends AsyncDisposable {
  readonly fake: FakeOpenAI;
  /** The variables that lead to the server, whatever the provider. */
  readonly env: Readonly<Record<string, string>>;
  /** A provider that does not wait between tries, unless it is told to. */
  provider(settings?: LlmSettings, env?: Readonly<Record<string, string>>): LlmProvider;
}

/** A server that speaks like the providers, and the provider of models that talks to it. */
export async function fakeModels(options: FakeOptions = {}): Promise<FakeModels> {
  const fake = await startFakeOpenAI(options);
  const env = {
    OPENAI_BASE_URL: fake.baseURL,
    OPENAI_API_KEY: 'key-of-openai',
    COHERE_API_BASE: fake.url,
    COHERE_API_KEY: 'key-of-cohere',
  };
  return {
    fake,
    env,
    provider: (settings, more) =>
      createLlmProvider({ retryBaseMs: 1, ...settings }, { ...env, ...more }),
    [Symbol.asyncDispose]: () => fake.close(),
  };
}

/** The pieces of a stream, and what it ended with. */
export async function collect(
  stream: AsyncIterable<string>,
): Promise<{ readonly pieces: string[]; readonly error: unknown }> {
  const pieces: string[] = [];
  try {
    for await (const piece of stream) pieces.push(piece);
    return { pieces, error: undefined };
  } catch (error) {
    return { pieces, error };
  }
}
