import type { LanguageModelV4Usage } from '@ai-sdk/provider';

import { membersOf } from './foreign-json.ts';
import type { Members } from './foreign-json.ts';

/**
 * The tokens of an answer, or of a stream's chunk, where servers put them beside the usual member:
 * into the choice, or into a member of their own. `undefined` when they are not there.
 */
export function usageBeside(body: unknown): LanguageModelV4Usage | undefined {
  const { choices, x_groq: groq } = membersOf(body);
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const raw = [choice, groq].map((each) => membersOf(membersOf(each)['usage'])).find(isCounted);
  if (!raw) return undefined;
  const cached = membersOf(raw['prompt_tokens_details'])['cached_tokens'] ?? raw['cached_tokens'];
  return {
    inputTokens: {
      total: numberIn(raw['prompt_tokens']),
      noCache: undefined,
      cacheRead: numberIn(cached),
      cacheWrite: undefined,
    },
    outputTokens: {
      total: numberIn(raw['completion_tokens']),
      text: undefined,
      reasoning: undefined,
    },
  };
}

function isCounted({ prompt_tokens: prompt }: Members): boolean {
  return typeof prompt === 'number';
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
