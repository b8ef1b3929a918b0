import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { userEvent } from '../../../chat/messages.ts';
import {
  MAX_MESSAGES,
  MAX_NAME,
  MAX_PARTS,
  requireConfigSize,
  requireMessageSize,
} from '../../../chat/sent-limits.ts';
import type { SentLimits } from '../../../chat/sent-limits.ts';
import { HttpError } from '../../../http/errors.ts';
import { boolean } from '../../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../../http/fastapi/validation.ts';
import { list } from '../../../http/list.ts';
import type { ApiContext } from '../../../http/route.ts';
import { described, titled } from '../../../http/schema.ts';
import { callerFields } from '../shared/caller.ts';
import type { NamedCaller } from '../shared/caller.ts';
import { expanded } from './compaction.ts';
import { withEcho } from './echo.ts';
import { Item, contentOf, itemsIn, readInput } from './input.ts';
import type { Input } from './input.ts';

const BETWEEN_PARTS = '\n\n';

const name = v.pipe(v.string(), v.maxLength(MAX_NAME));

/** The members that say what was said before, and by whom. */
export const contextFields = {
  previous_response_id: described(
    v.nullish(name),
    'Continues after this response; after an older one in a fork of its thread',
  ),
  conversation: described(
    v.nullish(v.union([name, v.object({ id: name })])),
    'Continues this conversation; not together with previous_response_id',
  ),
  instructions: described(
    v.nullish(v.union([v.string(), list(Item, MAX_PARTS)])),
    'The `system_prompt` in the config of a new thread',
  ),
  ...callerFields,
};

const ContextBody = v.object(contextFields);

/** The members of OpenAI's request that are used here; the others are accepted and ignored. */
export const ResponseBody = titled('ResponseRequest', {
  model: described(v.optional(name, 'jims'), 'Any name; the response repeats it'),
  input: described(
    v.union([v.string(), v.pipe(list(Item, MAX_MESSAGES), v.nonEmpty())]),
    'A string, or items, of which the last is the user’s message. When the request names no thread, the other items are the history; a `compaction` stands for those that it was made of',
  ),
  stream: v.nullish(boolean),
  background: described(
    v.nullish(boolean),
    'Answers at once; the response can be fetched, followed or cancelled by its id',
  ),
  store: described(v.nullish(boolean), 'false: the thread is erased after the response'),
  prompt_cache_key: described(v.nullish(v.string()), 'The response repeats it'),
  ...contextFields,
});

/** What a request says was said before. */
export interface SentContext {
  readonly caller: NamedCaller;
  readonly previousResponseId: string | undefined;
  readonly conversationId: string | undefined;
  readonly instructions: string | undefined;
}

/** A request, decoded. */
export interface ResponseRequest extends SentContext {
  readonly input: Input;
  readonly systemPrompt: string | undefined;
  readonly stream: boolean;
  readonly background: boolean;
  readonly store: boolean;
  /** Makes the question, as it is stored, from what the user says. */
  readonly question: (text: string) => NewEvent;
  readonly model: string;
}

/**
 * Reads the body of a request.
 *
 * @throws HttpError 422 also when the last item is not the user's message; 413 for instructions or metadata
 * that are too large.
 */
export async function decode(
  sizes: SentLimits & Pick<ApiContext, 'maxBodyBytes'>,
  body: unknown,
): Promise<ResponseRequest> {
  const request = parseBody(ResponseBody, body);
  const { model, metadata, background, store, previous_response_id: previous } = request;
  const { conversation, safety_identifier: safety, prompt_cache_key: cacheKey } = request;
  const context = contextOf(request);
  const { instructions } = context;
  if (background && store === false) {
    throw fieldError('store', store, 'a background response must be stored');
  }
  const input = readInput(await expanded(itemsIn(request.input), sizes.maxBodyBytes));
  const systemPrompt = instructions ?? input.systemPrompt;
  // Both are stored with the message.
  requireMessageSize(sizes, systemPrompt ?? '');
  requireConfigSize(sizes, metadata ?? {});
  return {
    ...context,
    input,
    model,
    systemPrompt,
    stream: request.stream ?? false,
    background: background ?? false,
    store: store ?? true,
    question: (text) =>
      withEcho(userEvent(text), {
        model,
        ...(metadata && { metadata }),
        ...(instructions !== undefined && { instructions }),
        ...(previous && { previous_response_id: previous }),
        ...(conversation && { conversation: true }),
        ...(background && { background: true }),
        ...(store === false && { store }),
        ...(safety && { safety_identifier: safety }),
        ...(cacheKey && { prompt_cache_key: cacheKey }),
      }),
  };
}

/** @throws HttpError 400 for two threads at once. */
export function contextOf(request: v.InferOutput<typeof ContextBody>): SentContext {
  const { previous_response_id: previous, conversation, instructions } = request;
  if (previous && conversation) {
    const sentence = 'previous_response_id and conversation cannot be used together';
    throw new HttpError(400, sentence, { code: 'mutually_exclusive_parameters' });
  }
  return {
    caller: request,
    previousResponseId: previous || undefined,
    conversationId: typeof conversation === 'object' ? conversation?.id : conversation,
    instructions:
      typeof instructions === 'string'
        ? instructions
        : instructions?.map(contentOf).join(BETWEEN_PARTS),
  };
}
