import type {
  LanguageModelV4GenerateResult,
  LanguageModelV4Prompt,
  LanguageModelV4ReasoningPart,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';

import type { JsonObject } from '../thread/event.ts';
import { membersOf } from './foreign-json.ts';
import type { Members } from './foreign-json.ts';

/**
 * What a provider wants back with a message that wants tools called: the thoughts before it, and their
 * signatures. Plain data to be kept with the message as it is; no other provider gets it.
 */
export interface ProviderData {
  readonly provider: string;
  /** Members of the message on the wire, of a server that speaks OpenAI's API. */
  readonly message?: JsonObject;
  /** Thoughts, of a provider with an API of its own. */
  readonly reasoning?: readonly { readonly text: string; readonly data?: JsonObject }[];
  /** What belongs to a call, by its id. */
  readonly calls?: JsonObject;
}

/** How servers that speak OpenAI's API name what a model thought. */
const THOUGHTS = ['reasoning_content', 'reasoning', 'reasoning_details'] as const;

/** What of an answer has to come back with it; `undefined` when there is nothing. */
export function providerDataOf(
  { content, response }: LanguageModelV4GenerateResult,
  provider: string,
): ProviderData | undefined {
  const message = thoughtsIn(wireMessage(response?.body));
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

/** What is given back with a message. */
export interface GivenBack {
  readonly reasoning: readonly LanguageModelV4ReasoningPart[];
  /** For the message itself, when it goes to a server that speaks OpenAI's API. */
  readonly message: SharedV4ProviderOptions | undefined;
  readonly ofCall: (call: {
    readonly id: string;
    readonly extra_content?: unknown;
  }) => SharedV4ProviderOptions | undefined;
}

/** The thoughts in a prompt, by the id of the first call after them. */
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

/** Reads what was kept with a message. Also takes `reasoning_content` where an app put it itself. */
export function givenBack(message: Members, provider: string): GivenBack {
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
      const kind = optionsIn(calls[id]);
      if (kind || typeof signature !== 'string') return kind;
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

/** Only what is known: a kept message may come from anywhere. */
function thoughtsIn(message: unknown): SharedV4ProviderOptions[string] | undefined {
  const members = membersOf(message);
  const thoughts = THOUGHTS.flatMap((name) => {
    const value = members[name];
    const isThought = (typeof value === 'string' && value !== '') || Array.isArray(value);
    return isThought ? [[name, JSON.parse(JSON.stringify(value))] as const] : [];
  });
  return thoughts.length > 0 ? Object.fromEntries(thoughts) : undefined;
}

function wireMessage(body: unknown): unknown {
  const { choices } = membersOf(body);
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  return membersOf(choice)['message'];
}
