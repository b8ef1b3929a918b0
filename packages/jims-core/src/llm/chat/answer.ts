import type { LanguageModelV4Usage } from '@ai-sdk/provider';

import type { Call } from '../call.ts';
import { membersOf } from '../foreign-json.ts';
import type { TracedPart } from '../traced-request.ts';
import { tracedPart } from './request.ts';

/** A whole answer, or what is known at the end of a stream. */
export interface Answer {
  readonly id: string | undefined;
  /** The model as the provider names it. */
  readonly model: string;
  readonly finish: string;
  readonly usage: LanguageModelV4Usage;
  /** The content, for the span; called only when content is traced. */
  readonly parts: () => readonly TracedPart[];
}

/** Counts an answer, and records it in the span of its call. */
export async function recordAnswer(
  call: Call,
  answer: Answer,
  traceContent: boolean,
): Promise<void> {
  const { inputTokens, raw } = answer.usage;
  const promptTokens = countOf(inputTokens.total);
  const completionTokens = countOf(completionTokensOf(answer.usage));
  const cachedTokens = countOf(inputTokens.cacheRead);
  const cacheWriteTokens = countOf(inputTokens.cacheWrite);
  const cost = raw?.['cost'];
  await call.answered(
    { model: answer.model, promptTokens, completionTokens, cachedTokens, cacheWriteTokens },
    typeof cost === 'number' && cost >= 0 && Number.isFinite(cost) ? cost : undefined,
  );
  call.trace?.answer(answer.parts(), answer.finish);
  if (!call.span.recording) return;
  call.span.set({
    ...(answer.id !== undefined && { 'gen_ai.response.id': answer.id }),
    'gen_ai.response.model': answer.model,
    'gen_ai.response.finish_reasons': [answer.finish],
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.output_tokens': completionTokens,
    'gen_ai.usage.cache_read.input_tokens': cachedTokens,
    ...(traceContent && { 'gen_ai.output.messages': JSON.stringify([tracedAnswer(answer)]) }),
  });
}

function tracedAnswer({ parts, finish }: Answer): object {
  return { role: 'assistant', parts: parts().map(tracedPart), finish_reason: finish };
}

/** A count that can be added up: 0 for anything that is not one. */
function countOf(tokens: number | undefined): number {
  return tokens !== undefined && tokens > 0 && Number.isFinite(tokens) ? tokens : 0;
}

/** Some servers, such as xAI's, do not count reasoning tokens among those of the answer. */
function completionTokensOf({ outputTokens, raw }: LanguageModelV4Usage): number {
  const counted = outputTokens.total ?? 0;
  const { prompt_tokens: prompt, total_tokens: total } = raw ?? {};
  if (typeof total === 'number' && typeof prompt === 'number' && prompt > 0) {
    return Math.max(counted, total - prompt);
  }
  const reasoning = outputTokens.reasoning ?? 0;
  return reasoning > counted ? counted + reasoning : counted;
}

/**
 * The tokens that some servers report in an unusual member: in the choice, or in one of their own.
 *
 * @param body An answer, or a chunk of a stream.
 */
export function unusualUsage(body: unknown): LanguageModelV4Usage | undefined {
  const { choices, x_groq: groq } = membersOf(body);
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const raw = [choice, groq]
    .map((each) => membersOf(membersOf(each)['usage']))
    .find(({ prompt_tokens: prompt }) => typeof prompt === 'number');
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

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
