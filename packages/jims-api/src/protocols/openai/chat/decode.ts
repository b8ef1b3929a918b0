import * as v from 'valibot';

import type { ClientMessage } from '../../../chat/client-history.ts';
import { contentText } from '../../../chat/content-text.ts';
import { textIn } from '../../../chat/front-end-names.ts';
import { messageContent } from '../../../chat/messages.ts';
import { readChat } from '../../../chat/sent-chat.ts';
import { MAX_MESSAGES, MAX_NAME, requireMessageSize } from '../../../chat/sent-limits.ts';
import { boolean } from '../../../http/fastapi/fields.ts';
import { parseBody } from '../../../http/fastapi/validation.ts';
import { list } from '../../../http/list.ts';
import type { ApiContext } from '../../../http/route.ts';
import { described, titled } from '../../../http/schema.ts';
import { callerFields } from '../shared/caller.ts';
import type { NamedCaller } from '../shared/caller.ts';
import { contentFiles, earlierFiles } from '../shared/files.ts';

const Message = v.object({
  role: v.picklist(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: described(
    v.optional(messageContent),
    'A string, or parts: `text`; `image_url`, `file` and `input_audio` with data, or with the id or the address of a stored file',
  ),
});

/** The members of OpenAI's request that are used here; the others are accepted and ignored. */
export const ChatCompletionBody = titled('ChatCompletionRequest', {
  model: described(
    v.optional(v.pipe(v.string(), v.maxLength(MAX_NAME)), 'jims'),
    'Any name; the answer repeats it',
  ),
  messages: v.pipe(
    list(Message, MAX_MESSAGES),
    v.nonEmpty(),
    v.description(
      'The last message is the new one, by the user. The others are used when the request names no thread',
    ),
  ),
  stream: v.nullish(boolean),
  stream_options: v.nullish(v.object({ include_usage: v.nullish(boolean) })),
  ...callerFields,
});

/** A request, decoded. */
export interface ChatCompletion extends ClientMessage {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly caller: NamedCaller;
}

/**
 * Reads the body of a request.
 *
 * @throws HttpError 422 also for a last message that is not the user's, or has neither text nor files;
 * 413 for a system prompt that is too large.
 */
export function decode(api: Pick<ApiContext, 'maxMessageBytes'>, body: unknown): ChatCompletion {
  const request = parseBody(ChatCompletionBody, body);
  const { messages, metadata } = request;
  const chat = readChat(messages, {
    sent: (content) => contentFiles(content, 'messages'),
    earlier: earlierFiles,
  });
  const prompt = messages.find(({ role }) => role === 'system' || role === 'developer');
  const systemPrompt = prompt && contentText(prompt.content);
  requireMessageSize(api, systemPrompt ?? '');
  return {
    model: request.model,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    caller: request,
    threadId: textIn(metadata, 'thread_id'),
    threadConfig: {
      interface: 'openai',
      ...(systemPrompt !== undefined && { system_prompt: systemPrompt }),
    },
    ...chat,
  };
}
