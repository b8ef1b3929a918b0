import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { userEvent } from '../../chat/messages.ts';
import { NOT_FETCHED, OR_UPLOAD, inlineFile, storedAt } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { MAX_PARTS } from '../../chat/sent-limits.ts';
import { contactId } from '../../http/contact.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { list } from '../../http/list.ts';
import { described, titled } from '../../http/schema.ts';
import { failure } from './failures.ts';
import { fromProtoJson } from './proto-json.ts';

const MAX_MESSAGE_ID = 1000;
/** The member of a question's data that holds the id that its client gave it. */
const MESSAGE_ID = 'a2a_message_id';

/** In ProtoJSON an empty string and a missing one are the same. */
const id = v.pipe(
  v.optional(v.string()),
  v.transform((text) => text || undefined),
);

const metadata = v.optional(v.looseObject({ contact_id: v.optional(contactId) }));

const historyLength = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)));

const Part = v.object({
  text: v.optional(v.string()),
  raw: v.optional(v.unknown()),
  url: v.optional(v.string()),
  data: v.optional(v.unknown()),
  filename: v.optional(v.string()),
  mediaType: v.optional(v.string()),
});
type Part = v.InferOutput<typeof Part>;

/** The params of SendMessage and SendStreamingMessage. */
export const SendParams = titled('A2ASendMessage', {
  message: v.object({
    messageId: v.pipe(
      v.string(),
      v.nonEmpty(),
      v.maxLength(MAX_MESSAGE_ID),
      v.description('Your id of the message; the history of its task has it, too'),
    ),
    contextId: described(id, 'Continues a context; a new id begins one'),
    taskId: id,
    role: v.literal('ROLE_USER'),
    parts: v.pipe(
      list(Part, MAX_PARTS),
      v.nonEmpty(),
      v.description(
        'Text, files as `raw` in base64 or by the `url` of a stored file, and `data`, which the app reads as JSON text',
      ),
    ),
  }),
  configuration: v.optional(
    v.object({
      returnImmediately: described(
        v.optional(v.boolean(), false),
        'Answers at once, while the task still works',
      ),
      historyLength,
      taskPushNotificationConfig: v.optional(v.unknown()),
    }),
  ),
  metadata,
});

/** The params of the methods that name a task. */
const TaskParams = v.object({ id: v.string(), historyLength, metadata });

/** A message to the agent, decoded. */
export interface Sending {
  /** The question as it is stored, with the id that its client gave it. */
  readonly question: NewEvent;
  readonly sentFiles: readonly SentFile[];
  readonly contextId: string | undefined;
  readonly taskId: string | undefined;
  /** The contact that the client names. */
  readonly contactId: string | undefined;
  readonly wait: boolean;
  readonly historyLength: number | undefined;
  /** Where to be sent what becomes of it, as the client wrote it. */
  readonly push: unknown;
}

/** A request about a task, decoded. */
export interface TaskRequest {
  readonly id: string;
  /** The contact that the client names, where it can. */
  readonly contactId: string | undefined;
  readonly historyLength: number | undefined;
}

/** @throws HttpError 422, `content_type_not_supported`. */
export function decodeSend(params: unknown): Sending {
  const { message, configuration, metadata: named } = parseBody(SendParams, fromProtoJson(params));
  const read = message.parts.map(toTextOrFile);
  const texts = read.filter((part) => typeof part === 'string');
  const sentFiles = read.filter((part) => typeof part !== 'string');
  const { type, data } = userEvent(texts.join('\n'));
  return {
    question: newEvent(type, { ...data, [MESSAGE_ID]: message.messageId }),
    sentFiles,
    contextId: message.contextId,
    taskId: message.taskId,
    contactId: named?.contact_id,
    wait: !configuration?.returnImmediately,
    historyLength: configuration?.historyLength,
    push: configuration?.taskPushNotificationConfig,
  };
}

function toTextOrFile({ text, data, ...part }: Part): string | SentFile {
  if (text !== undefined) return text;
  const hasFile = part.raw !== undefined || part.url !== undefined;
  return hasFile || data === undefined ? toFile(part) : textOfData(data, part.mediaType);
}

/** Its JSON, after the media type when that says more than JSON does. */
function textOfData(data: unknown, mediaType = ''): string {
  const json = JSON.stringify(data);
  return mediaType === '' || mediaType === 'application/json' ? json : `${mediaType}\n${json}`;
}

function toFile({ raw, url, filename: name, mediaType }: Omit<Part, 'text' | 'data'>): SentFile {
  // In ProtoJSON an empty string and a missing one are the same.
  const named = { member: 'message', name: name || undefined, mediaType: mediaType || undefined };
  if (raw !== undefined) return inlineFile(raw, named);
  const stored = url === undefined ? undefined : storedAt(url);
  if (stored) return stored;
  const reason =
    url === undefined
      ? 'A part has text, raw, url or data'
      : `${NOT_FETCHED}: send the file as raw, ${OR_UPLOAD}`;
  throw failure('content_type_not_supported', reason);
}

/** The id that a client gave to its message; `undefined` for a message of another protocol. */
export function messageIdOf({ data }: NewEvent): string | undefined {
  const messageId = data[MESSAGE_ID];
  return typeof messageId === 'string' ? messageId : undefined;
}

/** @throws HttpError 422 */
export function decodeTask(params: unknown): TaskRequest {
  const {
    id: task,
    historyLength: length,
    metadata: named,
  } = parseBody(TaskParams, fromProtoJson(params));
  return { id: task, contactId: named?.contact_id, historyLength: length };
}
