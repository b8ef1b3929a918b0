import type {
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolCallPart,
} from '@ai-sdk/provider';

import type { CommunicationEvent } from '../thread/event.ts';
import { invalid, textOf, userParts } from './content-parts.ts';
import type { ContentPart } from './content-parts.ts';
import type { FinishReason } from './finish-reason.ts';
import { inForm } from './prompt-form.ts';
import type { PromptForm } from './prompt-form.ts';
import { givenBack } from './provider-data.ts';
import type { GivenBack, ProviderData } from './provider-data.ts';

/** A call of a tool, as OpenAI writes it. Not executed: that is for the app. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments` is JSON text as the model wrote it; a model may write it wrong. */
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A message in OpenAI's shape, as JIMS apps keep them. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** May be left out where there are only tool calls. */
  readonly content?: string | null | readonly ContentPart[];
  readonly tool_calls?: readonly ToolCall[];
  /** In a `tool` message: whose answer it is. */
  readonly tool_call_id?: string;
  /** What the provider of an answer wants back with it. */
  readonly provider_data?: ProviderData;
}

/** What a model said: can be put into the next call's messages as it is. */
export interface AssistantMessage extends ChatMessage {
  readonly role: 'assistant';
  /** `null` when there are only tool calls. */
  readonly content: string | null;
  /**
   * How the answer ended: `length` and `content_filter` are not whole ones. Not enumerable: a copy of
   * the message, or what is stored of it, is without.
   */
  readonly finishReason: FinishReason;
}

/** `ctx.history` and `ctx.context()` are messages, too: what a model does not know of them is left out. */
export type ChatMessages = Iterable<ChatMessage | CommunicationEvent>;

export interface PromptOptions extends PromptForm {
  /** The provider that gets the prompt. */
  readonly provider: string;
}

/**
 * Turns messages into what model providers take.
 *
 * @throws JimsError `llm_input_invalid` for a role or a content that no model knows.
 */
export function toPrompt(messages: ChatMessages, options: PromptOptions): LanguageModelV4Prompt {
  if (!isIterable(messages)) throw invalid('Messages are a list of messages');
  const toolNames = new Map<string, string>();
  const { provider } = options;
  const prompt = [...messages].flatMap((each) => convert(each, { toolNames, provider }));
  if (prompt.length === 0) throw invalid('There are no messages to answer');
  return inForm(prompt, options);
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

type Message = ChatMessage | CommunicationEvent;

interface Conversion {
  readonly provider: string;
  /** The tools that were called so far, by the ids of the calls. */
  readonly toolNames: Map<string, string>;
}

function convert(message: Message, conversion: Conversion): LanguageModelV4Message[] {
  if (typeof message !== 'object' || message === null) throw invalid('A message is not an object');
  const { role, content } = message;
  switch (role) {
    case 'system':
    case 'developer':
      return [{ role: 'system', content: textOf(content, role) }];
    case 'user':
      return [{ role: 'user', content: userParts(content, conversion.provider) }];
    case 'assistant':
      return assistant(message, conversion);
    case 'tool':
      return [toolAnswer(message, conversion)];
    default:
      throw invalid(`A message's role is '${role}': no model knows it`);
  }
}

/** A message without text and calls says nothing, and some providers refuse it. */
function assistant(
  message: Message,
  { provider, toolNames }: Conversion,
): LanguageModelV4Message[] {
  const calls = toolCallsOf(message);
  for (const call of calls) toolNames.set(call.id, call.function.name);
  const text = textOf(message.content, 'assistant') || refusalIn(message);
  if (text === '' && calls.length === 0) return [];
  // Only the thoughts before a call are wanted back: a model thinks anew about each question.
  const kept: Readonly<Record<string, unknown>> = calls.length > 0 ? { ...message } : {};
  const back = givenBack(kept, provider);
  return [
    {
      role: 'assistant',
      content: [
        ...back.reasoning,
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...calls.map((call) => toolCall(call, back)),
      ],
      ...(back.message && { providerOptions: back.message }),
    },
  ];
}

function toolCall(call: ToolCall, back: GivenBack): LanguageModelV4ToolCallPart {
  const { name: toolName, arguments: json } = call.function;
  const part = {
    type: 'tool-call',
    toolCallId: call.id,
    toolName,
    input: parsed(json),
  } as const;
  const providerOptions = back.ofCall(call);
  return providerOptions ? { ...part, providerOptions } : part;
}

/** OpenAI keeps a refusal beside the content. */
function refusalIn(message: Message): string {
  const { refusal }: Readonly<Record<string, unknown>> = { ...message };
  return typeof refusal === 'string' ? refusal : '';
}

function toolAnswer(message: Message, { toolNames }: Conversion): LanguageModelV4Message {
  const toolCallId = message.tool_call_id;
  if (typeof toolCallId !== 'string') throw invalid("A tool's message needs its tool_call_id");
  const toolName = toolNames.get(toolCallId) ?? 'unknown';
  const output = { type: 'text' as const, value: textOf(message.content, 'tool') };
  return { role: 'tool', content: [{ type: 'tool-result', toolCallId, toolName, output }] };
}

function toolCallsOf({ tool_calls: calls }: Message): ToolCall[] {
  if (calls === undefined || calls === null) return [];
  if (Array.isArray(calls) && calls.every(isToolCall)) return calls;
  throw invalid("An assistant's tool_calls are not calls as OpenAI writes them");
}

function isToolCall(value: unknown): value is ToolCall {
  if (typeof value !== 'object' || value === null) return false;
  if (!('id' in value) || !('function' in value) || typeof value.id !== 'string') return false;
  const called = value.function;
  if (typeof called !== 'object' || called === null) return false;
  if (!('name' in called) || !('arguments' in called)) return false;
  return typeof called.name === 'string' && typeof called.arguments === 'string';
}

/** Providers take an object only. So arguments that are not one go back inside of one. */
function parsed(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json.trim() || '{}');
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  return { invalid_arguments: json };
}
