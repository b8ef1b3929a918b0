import type { LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';

import type { Call, CallOptions } from '../call.ts';
import type { FileBytes } from '../file-bytes.ts';
import type { UsableModel } from '../providers/models.ts';
import type { ChatModel } from '../settings.ts';
import type { SentRequest, TracedPart } from '../traced-request.ts';
import { sentFiles } from './message-files.ts';
import { listOf, toPrompt } from './messages.ts';
import type { ChatMessages } from './messages.ts';

/** Options of a call to a chat model. */
export interface ChatOptions extends CallOptions {
  /** Another model for this call; default: that of the run. */
  readonly model?: ChatModel;
  /** How random the answer is; default: the provider's. */
  readonly temperature?: number;
  /** The longest answer, in tokens; default: the provider's. */
  readonly maxOutputTokens?: number;
  /** Options of one provider, by its name: `{ openai: { reasoningEffort: 'low' } }`. */
  readonly providerOptions?: SharedV4ProviderOptions;
  /**
   * Whether an answer without text and without tool calls is accepted. By default it is retried
   * where that can help; if it stays empty, the call throws `llm_answer_invalid`.
   */
  readonly allowEmpty?: boolean;
  /**
   * The most bytes of the messages' files that are sent, the newest first; default: the setting
   * `maxFileBytes`. Older files are only named.
   */
  readonly maxFileBytes?: number;
}

export type ChatRequest = SentRequest;

/** A request, and the options of the call that sends it. */
export interface ChatCall {
  readonly request: ChatRequest;
  readonly options: ChatOptions;
}

/** Where the files of messages come from. */
interface FileSources {
  readonly bytes: FileBytes | undefined;
  readonly maxFileBytes: number;
}

/**
 * Makes the request that goes to a provider's package.
 *
 * @throws JimsError `llm_input_invalid` for messages that no model takes, and files that this one does not.
 */
export async function chatRequest(
  target: UsableModel<LanguageModelV4>,
  given: ChatMessages,
  { options, sources }: { readonly options: ChatOptions; readonly sources: FileSources },
): Promise<ChatRequest> {
  const { provider, providerOptions, messageOrder: order } = target;
  const { temperature, maxOutputTokens, maxFileBytes = sources.maxFileBytes } = options;
  const messages = listOf(given);
  const files = await sentFiles(messages, { ...target, maxFileBytes, bytes: sources.bytes });
  return {
    prompt: toPrompt(messages, { provider, order, files }),
    providerOptions: { ...providerOptions, ...options.providerOptions },
    ...(temperature !== undefined && { temperature }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

/** Records a request in the span of its call, the messages only when content is traced. */
export function recordRequest(call: Call, request: ChatRequest, traceContent: boolean): void {
  call.trace?.request(request);
  if (!call.span.recording) return;
  const { temperature, maxOutputTokens, prompt, responseFormat } = request;
  call.span.set({
    'gen_ai.output.type': responseFormat?.type ?? 'text',
    ...(temperature !== undefined && { 'gen_ai.request.temperature': temperature }),
    ...(maxOutputTokens !== undefined && { 'gen_ai.request.max_tokens': maxOutputTokens }),
    ...(traceContent && { 'gen_ai.input.messages': JSON.stringify(prompt.map(tracedMessage)) }),
  });
}

function tracedMessage({ role, content }: ChatRequest['prompt'][number]): object {
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
  return { role, parts: parts.map(tracedPart) };
}

/** A part as OpenTelemetry's conventions write it. Of a file only its type is recorded. */
export function tracedPart(part: TracedPart): object {
  if ('text' in part) return { type: 'text', content: part.text };
  if (part.type === 'tool-call' && 'toolCallId' in part && 'toolName' in part && 'input' in part) {
    return { type: 'tool_call', id: part.toolCallId, name: part.toolName, arguments: part.input };
  }
  if (part.type === 'tool-result' && 'toolCallId' in part && 'output' in part) {
    return { type: 'tool_call_response', id: part.toolCallId, response: part.output };
  }
  if ('mediaType' in part) return { type: part.type, mime_type: part.mediaType };
  return { type: part.type };
}
