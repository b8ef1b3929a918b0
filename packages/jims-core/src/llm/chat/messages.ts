import type {
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolCallPart,
} from '@ai-sdk/provider';

import type { CommunicationEvent } from '../../thread/event.ts';
import type { MessageFile } from '../../thread/message.ts';
import { invalidInput } from '../failures/errors.ts';
import type { FinishReason } from '../finish-reasons.ts';
import { membersOf, objectOf, parsedJson } from '../foreign-json.ts';
import { textOf, userParts } from './content-parts.ts';
import type { ContentPart, UserPart } from './content-parts.ts';
import type { SentFile, SentFiles } from './message-files.ts';
import { inOrder } from './message-order.ts';
import type { MessageOrder } from './message-order.ts';
import { returnedData } from './provider-data.ts';
import type { ProviderData, ReturnedData } from './provider-data.ts';
import { inPairs } from './tool-pairs.ts';

/** A tool call that a model wants, in OpenAI's form. The app makes it. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments` is JSON as the model wrote it: it may be wrong. */
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A message in OpenAI's form. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** `null` or absent when there are only tool calls. */
  readonly content?: string | null | readonly ContentPart[];
  /** Files of a thread, as its messages name them: in a message of the user, what the model takes. */
  readonly files?: readonly MessageFile[];
  readonly tool_calls?: readonly ToolCall[];
  /** In a `tool` message: the id of the call that it answers. */
  readonly tool_call_id?: string;
  /** Data that the provider of this message wants back with it. */
  readonly provider_data?: ProviderData;
}

/** An answer of a model. It goes into the messages of the next call as it is. */
export interface AssistantMessage extends ChatMessage {
  readonly role: 'assistant';
  /** `null` when there are only tool calls. */
  readonly content: string | null;
  /**
   * How the answer ended: with `length` and `content_filter` it is not complete. Not enumerable: a copy
   * of the message, or a stored one, does not have it.
   */
  readonly finishReason: FinishReason;
}

/** Messages for a model, `ctx.history` and `ctx.context()` included. Members no model knows are ignored. */
export type ChatMessages = Iterable<ChatMessage | CommunicationEvent>;

/** @throws JimsError `llm_input_invalid` for anything but a list. */
export function listOf(messages: ChatMessages): readonly Message[] {
  if (isIterable(messages)) return [...messages];
  throw invalidInput('Messages must be a list of messages');
}

interface PromptOptions {
  readonly provider: string;
  readonly order: MessageOrder;
  readonly files: SentFiles;
}

/**
 * Converts messages into the form of the AI SDK's providers.
 *
 * @throws JimsError `llm_input_invalid` for a role or content that no model takes.
 */
export function toPrompt(
  messages: readonly Message[],
  { provider, order, files }: PromptOptions,
): LanguageModelV4Prompt {
  const toolNames = new Map<string, string>();
  const prompt = inPairs(messages).flatMap((each) => convert(each, { toolNames, provider, files }));
  if (prompt.length === 0) throw invalidInput('There are no messages to answer');
  return inOrder(prompt, order);
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

const BETWEEN = '\n\n';

type Message = ChatMessage | CommunicationEvent;

interface Conversion extends Pick<PromptOptions, 'provider' | 'files'> {
  /** The name of the called tool, by the id of the call. */
  readonly toolNames: Map<string, string>;
}

function convert(message: Message, conversion: Conversion): LanguageModelV4Message[] {
  if (typeof message !== 'object' || message === null)
    throw invalidInput('A message must be an object');
  const { role, content } = message;
  const files = conversion.files.get(message) ?? [];
  switch (role) {
    case 'system':
    case 'developer':
      return [{ role: 'system', content: textOf(content, role) }];
    case 'user':
      return [{ role, content: withFiles(userParts(content, conversion.provider), files) }];
    case 'assistant':
      return assistant(message, conversion);
    case 'tool':
      return [toolAnswer(message, conversion)];
    default:
      throw invalidInput(`A message has the role '${role}', which no model knows`);
  }
}

/** What is text comes first, as one part where it can: templates of text models take nothing else. */
function withFiles(parts: UserPart[], files: readonly SentFile[]): UserPart[] {
  if (files.length === 0) return parts;
  const [first, ...rest] = parts;
  const texts = files.filter((file) => typeof file === 'string');
  const media = files.filter((file) => typeof file !== 'string');
  const isText = first?.type === 'text';
  const text = [...(isText ? [first.text] : []), ...texts].filter(Boolean).join(BETWEEN);
  return [
    ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    ...(isText ? rest : parts),
    ...media,
  ];
}

/** Some providers refuse a message without text and calls, so it is left out. */
function assistant(
  message: Message,
  { provider, toolNames, files }: Conversion,
): LanguageModelV4Message[] {
  const calls = toolCallsOf(message);
  for (const call of calls) toolNames.set(call.id, call.function.name);
  const said = textOf(message.content, 'assistant') || refusalIn(message);
  const notes = (files.get(message) ?? []).filter((file) => typeof file === 'string');
  const text = [said, ...notes].filter(Boolean).join(BETWEEN);
  if (text === '' && calls.length === 0) return [];
  // Providers want back only the thoughts that came with tool calls.
  const returned = returnedData(calls.length > 0 ? { ...message } : {}, provider);
  return [
    {
      role: 'assistant',
      content: [
        ...returned.reasoning,
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...calls.map((call) => toolCall(call, returned)),
      ],
      ...(returned.message && { providerOptions: returned.message }),
    },
  ];
}

function toolCall(call: ToolCall, returned: ReturnedData): LanguageModelV4ToolCallPart {
  const { name: toolName, arguments: json } = call.function;
  const part = {
    type: 'tool-call',
    toolCallId: call.id,
    toolName,
    input: argumentsOf(json),
  } as const;
  const providerOptions = returned.ofCall(call);
  return providerOptions ? { ...part, providerOptions } : part;
}

/** OpenAI puts a refusal into a member of its own. */
function refusalIn(message: Message): string {
  const { refusal } = membersOf(message);
  return typeof refusal === 'string' ? refusal : '';
}

function toolAnswer(message: Message, { toolNames }: Conversion): LanguageModelV4Message {
  const toolCallId = message.tool_call_id;
  if (typeof toolCallId !== 'string')
    throw invalidInput("A message of role 'tool' needs a tool_call_id");
  const toolName = toolNames.get(toolCallId) ?? 'unknown';
  const output = { type: 'text' as const, value: textOf(message.content, 'tool') };
  return { role: 'tool', content: [{ type: 'tool-result', toolCallId, toolName, output }] };
}

function toolCallsOf({ tool_calls: calls }: Message): ToolCall[] {
  if (calls === undefined || calls === null) return [];
  if (Array.isArray(calls) && calls.every(isToolCall)) return calls;
  throw invalidInput("The tool_calls of a message must be calls in OpenAI's form");
}

function isToolCall(value: unknown): value is ToolCall {
  const { id, function: called } = membersOf(value);
  const { name, arguments: json } = membersOf(called);
  return typeof id === 'string' && typeof name === 'string' && typeof json === 'string';
}

/** Providers take only an object. Anything else is sent inside of one. */
function argumentsOf(json: string): unknown {
  return objectOf(parsedJson(json.trim() || '{}')) ?? { invalid_arguments: json };
}
