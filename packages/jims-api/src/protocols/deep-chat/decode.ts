import { MAX_MESSAGE_FILES } from 'jims-core';
import type { JsonObject, NewEvent } from 'jims-core';
import * as v from 'valibot';

import type { HistoryMessage } from '../../chat/alignment.ts';
import { userContent, userEvent } from '../../chat/messages.ts';
import { fileAt, readable } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { MAX_MESSAGES } from '../../chat/sent-limits.ts';
import { contactId } from '../../http/contact.ts';
import { sentObject, uuid } from '../../http/fastapi/fields.ts';
import { parseJson } from '../../http/fastapi/parse-json.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { list } from '../../http/list.ts';
import { described, titled } from '../../http/schema.ts';
import { readCallback } from './callback.ts';

const Message = v.object({
  role: v.optional(v.string()),
  text: v.optional(v.string(), ''),
  custom: v.optional(v.unknown()),
  files: v.optional(
    list(
      v.object({
        src: v.optional(v.unknown()),
        name: v.optional(v.string()),
        type: v.optional(v.string()),
      }),
      MAX_MESSAGE_FILES,
    ),
    () => [],
  ),
});
type Message = v.InferOutput<typeof Message>;

/** How the JSON of a request begins; plain text that begins so is refused, as it looks the same. */
const OBJECT = /^\s*\{\s*["}]/;

/** What a page adds to the message of a clicked button. */
const ClickedButton = v.object({ jimsCallback: v.string() });

/** What Deep Chat sends: by default the new message alone, by `maxMessages: -1` all of them. */
export const DeepChatBody = titled('DeepChatRequest', {
  messages: v.pipe(
    list(Message, MAX_MESSAGES),
    v.nonEmpty(),
    v.description('The last one is the new message'),
  ),
  contact_id: described(
    v.optional(contactId),
    'The contact, by additionalBodyProps; the header x-jims-contact-id wins over it',
  ),
  thread_id: described(
    v.nullish(uuid),
    'Continues this thread instead of the latest of the contact',
  ),
  thread_config: v.optional(sentObject, () => ({ interface: 'deep-chat' })),
});

/** A message, decoded. */
export interface DeepChatMessage {
  readonly contactId: string | undefined;
  readonly threadId: string | undefined;
  readonly threadConfig: JsonObject;
  /** The messages that the page has shown so far, when it sends them. */
  readonly earlier: readonly HistoryMessage[];
  readonly incoming: NewEvent;
  readonly sentFiles: readonly SentFile[];
}

/** @throws HttpError 422 */
export function decode(body: unknown): DeepChatMessage {
  const { messages, contact_id, thread_id, thread_config } = parseBody(
    DeepChatBody,
    unwrapped(body),
  );
  const last = messages.at(-1);
  const { text, question } = sentText(last);
  return {
    contactId: contact_id,
    threadId: typeof thread_id === 'string' ? thread_id : undefined,
    threadConfig: thread_config,
    earlier: messages.slice(0, -1).flatMap(saidText),
    incoming: userEvent(text, undefined, question),
    sentFiles: last?.files.map(toFile) ?? [],
  };
}

/** An interceptor that returns a string has it encoded once more, as JSON in JSON; or it sends plain text. */
function unwrapped(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  return OBJECT.test(body) ? parseJson(body) : { messages: [{ text: body }] };
}

function saidText(message: Message): HistoryMessage[] {
  const { text } = sentText(message);
  if (message.role === 'ai') return text === '' ? [] : [{ role: 'assistant', content: text }];
  const files = readable(message.files, toFile);
  if (text === '' && message.files.length === 0) return [];
  return [{ role: 'user', content: userContent(text), files }];
}

/** Deep Chat keeps what it shows of a file as its `src`: a picture as a data URL. */
function toFile({ src, name, type }: Message['files'][number]): SentFile {
  return fileAt(src, {
    member: 'messages',
    name,
    mediaType: type?.includes('/') ? type : undefined,
  });
}

/** What the user sends: for a click, what the button stands for and not its label. */
function sentText(message: Message | undefined): ReturnType<typeof readCallback> {
  if (!message) return readCallback('');
  const { custom, text } = message;
  return readCallback(v.is(ClickedButton, custom) ? custom.jimsCallback : text);
}
