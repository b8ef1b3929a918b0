import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Usage,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';

import type { Call, CallOptions } from './call.ts';
import { toPrompt } from './messages.ts';
import type { ChatMessages } from './messages.ts';
import type { UsableModel } from './models.ts';
import type { ChatModel } from './settings.ts';

/** Options of a call to a chat model. */
export interface ChatOptions extends CallOptions {
  /** Another model for this call. */
  readonly model?: ChatModel;
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
  /** What only one provider knows, by its name: `{ openai: { reasoningEffort: 'low' } }`. */
  readonly providerOptions?: SharedV4ProviderOptions;
  /**
   * Whether an answer without text and without calls is an answer. By default another is requested,
   * where that can help, and then is the error `llm_answer_invalid`.
   */
  readonly allowEmpty?: boolean;
}

interface TracedPart {
  readonly type: string;
}

export type ChatRequest = Omit<LanguageModelV4CallOptions, 'abortSignal'>;

export function chatRequest(
  { provider, providerOptions, promptForm }: UsableModel<LanguageModelV4>,
  messages: ChatMessages,
  options: ChatOptions,
): ChatRequest {
  const { temperature, maxOutputTokens } = options;
  return {
    prompt: toPrompt(messages, { provider, ...promptForm }),
    providerOptions: { ...providerOptions, ...options.providerOptions },
    ...(temperature !== undefined && { temperature }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

/** What came back, of a whole answer or at the end of a stream. */
export interface Answer {
  readonly id: string | undefined;
  /** As the provider names the model that answered. */
  readonly model: string;
  readonly finish: string;
  readonly usage: LanguageModelV4Usage;
  /** What it said, for the span; asked for when content is traced. */
  readonly parts: () => readonly TracedPart[];
}

/** Counts an answer, and writes it into the call's span. */
export async function noteAnswer(call: Call, answer: Answer, traceContent: boolean): Promise<void> {
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
  if (!call.span.recording) return;
  call.span.set({
    ...(answer.id !== undefined && { 'gen_ai.response.id': answer.id }),
    'gen_ai.response.model': answer.model,
    'gen_ai.response.finish_reasons': [answer.finish],
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.output_tokens': completionTokens,
    'gen_ai.usage.cache_read.input_tokens': cachedTokens,
    ...(traceContent && { 'gen_ai.output.messages': JSON.stringify([output(answer)]) }),
  });
}

/** A count that counters can add; anything else says nothing. */
function countOf(tokens: number | undefined): number {
  return tokens !== undefined && tokens > 0 && Number.isFinite(tokens) ? tokens : 0;
}

/** Some servers, such as xAI's, count the tokens of thoughts beside those of the answer. */
function completionTokensOf({ outputTokens, raw }: LanguageModelV4Usage): number {
  const counted = outputTokens.total ?? 0;
  const { prompt_tokens: prompt, total_tokens: total } = raw ?? {};
  if (typeof total === 'number' && typeof prompt === 'number' && prompt > 0) {
    return Math.max(counted, total - prompt);
  }
  const reasoning = outputTokens.reasoning ?? 0;
  return reasoning > counted ? counted + reasoning : counted;
}

function output({ parts, finish }: Answer): object {
  return { role: 'assistant', parts: parts().map(tracedPart), finish_reason: finish };
}

/** Writes what is asked into the call's span, when that was switched on. */
export function noteRequest(call: Call, request: ChatRequest, traceContent: boolean): void {
  if (!call.span.recording) return;
  const { temperature, maxOutputTokens, prompt, responseFormat } = request;
  call.span.set({
    'gen_ai.output.type': responseFormat?.type ?? 'text',
    ...(temperature !== undefined && { 'gen_ai.request.temperature': temperature }),
    ...(maxOutputTokens !== undefined && { 'gen_ai.request.max_tokens': maxOutputTokens }),
    ...(traceContent && { 'gen_ai.input.messages': JSON.stringify(prompt.map(traced)) }),
  });
}

function traced({ role, content }: LanguageModelV4CallOptions['prompt'][number]): object {
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
  return { role, parts: parts.map(tracedPart) };
}

/** The conventions' names for the parts of a message. Files are only mentioned. */
function tracedPart(part: TracedPart): object {
  if ('text' in part) return { type: 'text', content: part.text };
  if (part.type === 'tool-call' && 'toolCallId' in part && 'toolName' in part && 'input' in part) {
    return { type: 'tool_call', id: part.toolCallId, name: part.toolName, arguments: part.input };
  }
  if (part.type === 'tool-result' && 'toolCallId' in part && 'output' in part) {
    return { type: 'tool_call_response', id: part.toolCallId, response: part.output };
  }
  return { type: part.type };
}
