import type { JsonObject } from 'jims-core';
import * as v from 'valibot';

import { validationError } from '../../http/errors.ts';
import type { SaidText } from '../../http/history-thread.ts';
import { userContent } from '../../http/user-text.ts';
import { fieldError, parseBody } from '../../http/validation.ts';

const BETWEEN_PARTS = '\n\n';
/** How Open WebUI begins what it asks a model for on its own account: titles, tags, follow-ups. */
const TASK = /^### Task:/;

const Part = v.looseObject({ type: v.string(), text: v.optional(v.string()) });

const Message = v.looseObject({
  role: v.picklist(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: v.nullish(v.union([v.string(), v.array(Part)])),
});
type Message = v.InferOutput<typeof Message>;

/** What is read of a Chat Completions request; the rest is for models, and ignored. */
export const ChatCompletionBody = v.pipe(
  v.object({
    model: v.pipe(v.optional(v.string(), 'jims'), v.description('Any; the answer names it again')),
    messages: v.pipe(
      v.array(Message),
      v.nonEmpty(),
      v.description('The whole conversation; the last message is the new one, by the user'),
    ),
    stream: v.nullish(v.boolean()),
    stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
    user: v.pipe(v.nullish(v.string()), v.description('Who talks: the contact')),
    safety_identifier: v.pipe(v.nullish(v.string()), v.description('As user')),
    metadata: v.pipe(
      v.nullish(v.record(v.string(), v.unknown())),
      v.description('thread_id continues a thread of JIMS: then the new message alone counts'),
    ),
  }),
  v.title('ChatCompletionRequest'),
  v.metadata({ examples: [{ model: 'jims', messages: [{ role: 'user', content: 'Hello' }] }] }),
);

/** A request, decoded. */
export interface ChatCompletion {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly user: string | undefined;
  readonly threadId: string | undefined;
  readonly threadConfig: JsonObject;
  readonly earlier: readonly SaidText[];
  readonly text: string;
  /** Asked for by the client's program, and not by its user: no part of his chat. */
  readonly isTask: boolean;
}

/** @throws HttpError 422 also for a last message that is not the user's, or has no text. */
export function decode(body: unknown): ChatCompletion {
  const request = parseBody(ChatCompletionBody, body);
  const { messages, metadata } = request;
  const text = newText(messages);
  const system = messages.find(({ role }) => role === 'system' || role === 'developer');
  const threadId = metadata?.['thread_id'];
  return {
    model: request.model,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    user: request.user || request.safety_identifier || undefined,
    threadId: typeof threadId === 'string' && threadId !== '' ? threadId : undefined,
    threadConfig: { interface: 'openai', ...(system && { system_prompt: textOf(system) }) },
    earlier: messages.slice(0, -1).flatMap(saidText),
    text,
    isTask: TASK.test(text),
  };
}

function newText(messages: readonly Message[]): string {
  const last = messages.at(-1);
  if (last?.role !== 'user') throw refused(last, 'the last message must be the user’s');
  const text = textOf(last);
  if (text !== '' || typeof last.content === 'string') return text;
  throw refused(last, 'the last message has no text: files and images are not supported');
}

function refused(message: Message | undefined, reason: string): Error {
  return validationError([fieldError('messages', message, reason)]);
}

function saidText(message: Message): SaidText[] {
  const text = textOf(message);
  if (message.role === 'user') return [{ role: 'user', content: userContent(text) }];
  return message.role === 'assistant' && text !== '' ? [{ role: 'assistant', content: text }] : [];
}

function textOf({ content }: Message): string {
  if (typeof content === 'string') return content;
  return (content ?? []).flatMap(({ text }) => text ?? []).join(BETWEEN_PARTS);
}
