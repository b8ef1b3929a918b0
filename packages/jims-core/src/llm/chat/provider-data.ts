import type {
  LanguageModelV4Content,
  LanguageModelV4Prompt,
  LanguageModelV4ReasoningPart,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';

import type { JsonObject } from '../../thread/event.ts';
import { membersOf } from '../foreign-json.ts';
import type { Members } from '../foreign-json.ts';

/**
 * Data that a provider wants back with a message that has tool calls: the thoughts before it, and their
 * signatures. Plain data: keep it with the message as it is. No other provider gets it.
 */
export interface ProviderData {
  readonly provider: string;
  /** Members of the provider's own message, for a server that speaks OpenAI's API. */
  readonly message?: JsonObject;
  /** Thoughts, for a provider with an API of its own. */
  readonly reasoning?: readonly { readonly text: string; readonly data?: JsonObject }[];
  /** Data of the tool calls, by the id of the call. */
  readonly calls?: JsonObject;
}

/** The members that hold a model's thoughts at servers that speak OpenAI's API. */
const THOUGHTS = ['reasoning_content', 'reasoning', 'reasoning_details'] as const;

/**
 * The data of an answer that its provider wants back; `undefined` for none. `answer.message` is the message as a
 * server that speaks OpenAI's API wrote it.
 */
export function providerDataOf(
  answer: { readonly content: readonly LanguageModelV4Content[]; readonly message: unknown },
  provider: string,
): ProviderData | undefined {
  const { content } = answer;
  const message = thoughtsIn(answer.message);
  const reasoning = message
    ? []
    : content
        .filter((part) => part.type === 'reasoning')
        .map(({ text, providerMetadata: data }) => (data ? { text, data } : { text }));
  const calls = content
    .filter((part) => part.type === 'tool-call')
    .flatMap(({ toolCallId, providerMetadata: data }) => (data ? [[toolCallId, data]] : []));
  if (!message && reasoning.length === 0 && calls.length === 0) return undefined;
  return {
    provider,
    ...(message && { message }),
    ...(reasoning.length > 0 && { reasoning }),
    ...(calls.length > 0 && { calls: Object.fromEntries(calls) }),
  };
}

/** Data that goes back to the provider with a message. */
export interface ReturnedData {
  readonly reasoning: readonly LanguageModelV4ReasoningPart[];
  /** For a server that speaks OpenAI's API. */
  readonly message: SharedV4ProviderOptions | undefined;
  readonly ofCall: (call: {
    readonly id: string;
    readonly extra_content?: unknown;
  }) => SharedV4ProviderOptions | undefined;
}

/** The thoughts in a prompt, by the id of the first tool call of their message. */
export function thoughtsByCall(prompt: LanguageModelV4Prompt): ReadonlyMap<string, JsonObject> {
  const thoughts = new Map<string, JsonObject>();
  for (const { role, content, providerOptions } of prompt) {
    const message = providerOptions?.['openaiCompatible'];
    if (role !== 'assistant' || !message) continue;
    const call = content.find((part) => part.type === 'tool-call');
    if (call) thoughts.set(call.toolCallId, message);
  }
  return thoughts;
}

/** Reads the data kept with a message, and the `reasoning_content` that an app put there itself. */
export function returnedData(message: Members, provider: string): ReturnedData {
  const kept = membersOf(message['provider_data']);
  const own = kept['provider'] === provider ? kept : {};
  const { reasoning_content: thought } = message;
  const thoughts = thoughtsIn(own['message']) ?? thoughtsIn({ reasoning_content: thought });
  const calls = membersOf(own['calls']);
  return {
    reasoning: reasoningIn(own['reasoning']),
    message: thoughts && { openaiCompatible: thoughts },
    ofCall: ({ id, extra_content: extra }) => {
      const signature = membersOf(membersOf(extra)['google'])['thought_signature'];
      const options = optionsIn(calls[id]);
      if (options || typeof signature !== 'string') return options;
      return { google: { thoughtSignature: signature } };
    },
  };
}

function reasoningIn(kept: unknown): LanguageModelV4ReasoningPart[] {
  const parts: readonly unknown[] = Array.isArray(kept) ? kept : [];
  return parts.flatMap((part) => {
    const { text, data } = membersOf(part);
    if (typeof text !== 'string') return [];
    const providerOptions = optionsIn(data);
    return [{ type: 'reasoning' as const, text, ...(providerOptions && { providerOptions }) }];
  });
}

function optionsIn(data: unknown): SharedV4ProviderOptions | undefined {
  const entries = Object.entries(membersOf(data)).map(
    ([name, value]) => [name, JSON.parse(JSON.stringify(membersOf(value)))] as const,
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Only known members: a stored message may come from anywhere. */
function thoughtsIn(message: unknown): SharedV4ProviderOptions[string] | undefined {
  const members = membersOf(message);
  const thoughts = THOUGHTS.flatMap((name) => {
    const value = members[name];
    const isThought = (typeof value === 'string' && value !== '') || Array.isArray(value);
    return isThought ? [[name, JSON.parse(JSON.stringify(value))] as const] : [];
  });
  return thoughts.length > 0 ? Object.fromEntries(thoughts) : undefined;
}

/** The message in a body of OpenAI's API. */
export function messageIn(body: unknown): unknown {
  const { choices } = membersOf(body);
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  return membersOf(choice)['message'];
}
