import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4TextPart,
} from '@ai-sdk/provider';

import { JimsError } from '../errors.ts';
import type { CommunicationEvent } from '../thread/event.ts';

/** A call of a tool, as OpenAI writes it. Not executed: that is for the app. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments` is JSON text as the model wrote it; a model may write it wrong. */
  readonly function: { readonly name: string; readonly arguments: string };
}

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

/** A message in OpenAI's shape, as JIMS apps keep them. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  readonly content: string | null | readonly ContentPart[];
  readonly tool_calls?: readonly ToolCall[];
  /** In a `tool` message: whose answer it is. */
  readonly tool_call_id?: string;
}

/** What a model said: can be put into the next call's messages as it is. */
export interface AssistantMessage extends ChatMessage {
  readonly role: 'assistant';
  /** `null` when there are only tool calls. */
  readonly content: string | null;
}

/** `ctx.history` and `ctx.context()` are messages, too: what a model does not know of them is left out. */
export type ChatMessages = Iterable<ChatMessage | CommunicationEvent>;

export interface PromptOptions {
  /** For models that take instructions only before the conversation. */
  readonly systemFirst: boolean;
}

/**
 * Turns messages into what model providers take.
 *
 * @throws JimsError `llm_input_invalid` for a role or a content that no model knows.
 */
export function toPrompt(messages: ChatMessages, options: PromptOptions): LanguageModelV4Prompt {
  const toolNames = new Map<string, string>();
  const prompt = [...messages].flatMap((message) => convert(message, toolNames));
  if (prompt.length === 0) throw invalid('There are no messages to answer');
  if (!options.systemFirst) return prompt;
  return prompt.toSorted((a, b) => Number(b.role === 'system') - Number(a.role === 'system'));
}

type Message = ChatMessage | CommunicationEvent;

function convert(message: Message, toolNames: Map<string, string>): LanguageModelV4Message[] {
  switch (message.role) {
    case 'system':
    case 'developer':
      return [{ role: 'system', content: textOf(message) }];
    case 'user':
      return [{ role: 'user', content: partsOf(message) }];
    case 'assistant':
      return assistant(message, toolNames);
    case 'tool':
      return [toolAnswer(message, toolNames)];
    default:
      throw invalid(`A message's role is '${message.role}': no model knows it`);
  }
}

/** A message without text and calls says nothing, and some providers refuse it. */
function assistant(message: Message, toolNames: Map<string, string>): LanguageModelV4Message[] {
  const calls = toolCallsOf(message);
  for (const call of calls) toolNames.set(call.id, call.function.name);
  const text = textOf(message);
  if (text === '' && calls.length === 0) return [];
  return [
    {
      role: 'assistant',
      content: [
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...calls.map((call) => ({
          type: 'tool-call' as const,
          toolCallId: call.id,
          toolName: call.function.name,
          input: parsed(call.function.arguments),
        })),
      ],
    },
  ];
}

function toolAnswer(message: Message, toolNames: Map<string, string>): LanguageModelV4Message {
  const toolCallId = message.tool_call_id;
  if (typeof toolCallId !== 'string') throw invalid("A tool's message needs its tool_call_id");
  const toolName = toolNames.get(toolCallId) ?? 'unknown';
  const output = { type: 'text' as const, value: textOf(message) };
  return { role: 'tool', content: [{ type: 'tool-result', toolCallId, toolName, output }] };
}

function textOf({ content, role }: Message): string {
  if (typeof content === 'string') return content;
  if (content === null) return '';
  const parts = [...content].map((part) => (part.type === 'text' ? part.text : undefined));
  if (parts.includes(undefined)) throw invalid(`A message of role '${role}' can only be text`);
  return parts.join('\n');
}

function partsOf({ content }: Message): (LanguageModelV4TextPart | LanguageModelV4FilePart)[] {
  if (content === null || typeof content === 'string') {
    return [{ type: 'text', text: content ?? '' }];
  }
  return content.map((part) => (part.type === 'text' ? { ...part } : image(part.image_url.url)));
}

function image(url: string): LanguageModelV4FilePart {
  const inline = /^data:(image\/[\w.+-]+);base64,(.*)$/s.exec(url);
  if (inline?.[1] !== undefined && inline[2] !== undefined) {
    return { type: 'file', mediaType: inline[1], data: { type: 'data', data: inline[2] } };
  }
  const address = URL.parse(url);
  if (!address) throw invalid('An image_url is neither an address nor data:image/…;base64,…');
  return { type: 'file', mediaType: 'image/*', data: { type: 'url', url: address } };
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

/** Arguments that are no JSON go back as the text that the model wrote. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json || '{}');
  } catch {
    return json;
  }
}

function invalid(message: string): JimsError {
  return new JimsError('llm_input_invalid', message);
}
