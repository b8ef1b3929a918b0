import OpenAI from 'openai';
import type { ClientOptions } from 'openai';

import type { ServedApp } from './listening-app.ts';

export interface CountingClient {
  readonly client: OpenAI;
  /** The answers that came, of repeated requests too. */
  readonly answers: readonly Response[];
}

/** OpenAI's own client, as a program would make it, for a served app. */
export function openAiClient({ origin }: ServedApp, options: ClientOptions = {}): CountingClient {
  const answers: Response[] = [];
  const client = new OpenAI({
    apiKey: 'key',
    baseURL: `${origin}/v1`,
    ...options,
    async fetch(...request) {
      const response = await fetch(...request);
      answers.push(response);
      return response;
    },
  });
  return { client, answers };
}
