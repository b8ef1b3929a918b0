import type { LanguageModelV4CallOptions } from '@ai-sdk/provider';

import type { TracedMessage, TracedMessagePart, TracedRequest } from '../telemetry/trace.ts';
import { boundedJson, boundedText } from '../text/bounded-json.ts';
import { jsonSize } from '../text/json-size.ts';
import { membersOf } from './foreign-json.ts';

/** A part of a message, of a request or an answer. */
export interface TracedPart {
  readonly type: string;
}

/** A request to a chat model, as it is sent. */
export type SentRequest = Omit<LanguageModelV4CallOptions, 'abortSignal'>;

/** The longest text, or value, of one part. */
const MAX_PART = 20_000;
/** Of a part for which there is hardly room. */
const LEAST = 200;
const MAX_SETTING = 4000;

/** Of what room there is, the messages get so much; tools come after them. */
const MESSAGES = 0.75;

/**
 * A request as it is kept in a trace, of about as many characters as there is room for. Of many messages
 * the first one and the newest are kept.
 */
export function tracedRequest(request: SentRequest, room: number): TracedRequest {
  const { prompt, tools = [], providerOptions, ...rest } = request;
  const messages = newestOf(prompt, room * MESSAGES);
  const perTool = Math.max(
    LEAST,
    Math.min(MAX_PART, (room * (1 - MESSAGES)) / (tools.length || 1)),
  );
  return {
    messages,
    tools: tools.map((tool) => tracedTool(tool, perTool)),
    settings: settingsOf({ ...rest, ...(hasMembers(providerOptions) && { providerOptions }) }),
  };
}

/** What is embedded, or ranked for a query. */
export function tracedTexts(
  texts: readonly string[],
  query: string | undefined,
  room: number,
): TracedRequest {
  const kept: string[] = [];
  let left = room;
  for (const text of texts) {
    if (left < LEAST) break;
    const bounded = boundedText(text, Math.min(MAX_PART, left));
    left -= bounded.length + LEAST;
    kept.push(bounded);
  }
  const missing = texts.length - kept.length;
  return {
    messages: [],
    tools: [],
    settings: {},
    texts: missing > 0 ? [...kept, `… (${missing} more)`] : kept,
    ...(query !== undefined && { query: boundedText(query, MAX_PART) }),
  };
}

function newestOf(prompt: SentRequest['prompt'], room: number): readonly TracedMessage[] {
  const [first, ...rest] = prompt;
  if (!first) return [];
  const begin = tracedMessage(first, room / 2);
  let left = room - jsonSize(begin);
  const newest: TracedMessage[] = [];
  for (const message of rest.toReversed()) {
    if (left < LEAST && newest.length > 0) break;
    const traced = tracedMessage(message, left);
    left -= jsonSize(traced);
    newest.push(traced);
  }
  const missing = rest.length - newest.length;
  const gap = { role: '', parts: [{ type: 'text', text: `… (${missing} more messages)` }] };
  return [begin, ...(missing > 0 ? [gap] : []), ...newest.toReversed()];
}

function tracedMessage(
  { role, content }: SentRequest['prompt'][number],
  room: number,
): TracedMessage {
  const parts: readonly TracedPart[] = typeof content === 'string' ? [textPart(content)] : content;
  const max = Math.max(LEAST, Math.min(MAX_PART, room));
  return { role, parts: parts.map((part) => tracedPart(part, max)) };
}

function textPart(text: string): TracedPart & { readonly text: string } {
  return { type: 'text', text };
}

/** Of a file only its type is kept. */
function tracedPart(part: TracedPart, max: number): TracedMessagePart {
  const { type, text, toolCallId, toolName, input, output, mediaType, filename } = membersOf(part);
  const of = { id: String(toolCallId), name: String(toolName) };
  if (type === 'tool-call') return { type: 'tool_call', ...of, input: boundedJson(input, max) };
  if (type === 'tool-result') {
    return { type: 'tool_result', ...of, output: boundedJson(valueOf(output), max) };
  }
  return {
    type: part.type,
    ...(typeof text === 'string' && { text: boundedText(text, max) }),
    ...(typeof filename === 'string' && { name: boundedText(filename, LEAST) }),
    ...(typeof mediaType === 'string' && { mediaType }),
  };
}

/** What a tool gave, without what the package puts around it. */
function valueOf(output: unknown): unknown {
  const { value } = membersOf(output);
  return value === undefined ? output : value;
}

function tracedTool(tool: object, max: number): TracedRequest['tools'][number] {
  const { name, id, description, inputSchema } = membersOf(tool);
  return {
    name: boundedText(name ?? id, LEAST),
    ...(typeof description === 'string' && { description: boundedText(description, max) }),
    ...(inputSchema !== undefined && { parameters: boundedJson(inputSchema, max) }),
  };
}

function hasMembers(options: object | undefined): boolean {
  return Object.values(options ?? {}).some((value) => Object.keys(membersOf(value)).length > 0);
}

function settingsOf(rest: object): TracedRequest['settings'] {
  const set = Object.entries(rest).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, boundedJson(value, MAX_SETTING)]));
}
