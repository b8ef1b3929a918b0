import * as v from 'valibot';

import type { ClientMessage } from '../../chat/client-history.ts';
import { contentText } from '../../chat/content-text.ts';
import { textIn } from '../../chat/front-end-names.ts';
import { messageContent } from '../../chat/messages.ts';
import { readChat } from '../../chat/sent-chat.ts';
import { MAX_MESSAGES, MAX_NAME, requireMessageSize } from '../../chat/sent-limits.ts';
import { boolean, sentObject } from '../../http/fastapi/fields.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { list } from '../../http/list.ts';
import type { ApiContext } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { contentFiles, earlierFiles } from './files.ts';

const Message = v.object({
  role: described(
    v.picklist(['user', 'assistant', 'system']),
    'What `system` says is added to the system prompt',
  ),
  content: described(
    messageContent,
    'A string, or blocks: `text`, `image`, `document`; others are ignored',
  ),
});

const prompt = {
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
  system: described(
    v.optional(messageContent),
    'The `system_prompt` in the config of a new thread',
  ),
};

/** The members of Anthropic's request that are used here; the others are accepted and ignored. */
export const MessagesBody = titled('MessagesRequest', {
  ...prompt,
  stream: v.nullish(boolean),
  metadata: described(
    v.nullish(sentObject),
    '`user_id` is the contact; the header x-jims-contact-id wins over it',
  ),
});

/** What is counted. */
export const CountBody = titled('CountTokensRequest', prompt);

/** A request, decoded. */
export interface SentMessage extends ClientMessage {
  readonly model: string;
  readonly stream: boolean;
  readonly userId: string | undefined;
}

/**
 * Reads the body of a request.
 *
 * @throws HttpError 422 also for a last message that is not the user's, or has neither text nor files;
 * 413 for a system prompt that is too large.
 */
export function decode(api: Pick<ApiContext, 'maxMessageBytes'>, body: unknown): SentMessage {
  const { model, messages, system, stream, metadata } = parseBody(MessagesBody, body);
  const instructions = messages.filter(({ role }) => role === 'system');
  const systemPrompt = [system, ...instructions.map(({ content }) => content)]
    .map(contentText)
    .filter((text) => text !== '')
    .join('\n\n');
  requireMessageSize(api, systemPrompt);
  return {
    model,
    stream: stream ?? false,
    userId: textIn(metadata, 'user_id'),
    threadId: textIn(metadata, 'thread_id'),
    threadConfig: {
      interface: 'anthropic',
      ...(systemPrompt !== '' && { system_prompt: systemPrompt }),
    },
    ...readChat(messages, { sent: contentFiles, earlier: earlierFiles }),
  };
}
