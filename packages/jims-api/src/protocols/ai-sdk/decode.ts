import * as v from 'valibot';

import type { HistoryMessage } from '../../chat/alignment.ts';
import type { ClientMessage } from '../../chat/client-history.ts';
import { userContent, userEvent } from '../../chat/messages.ts';
import { eventType, requireAllowed, runFields, runOptions } from '../../chat/run-fields.ts';
import type { RunOptions } from '../../chat/run-fields.ts';
import { fileAt, readable } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { MAX_MESSAGES, MAX_PARTS, requireConfigSize } from '../../chat/sent-limits.ts';
import type { OnDisconnect } from '../../chat/start-run.ts';
import { clickOf } from '../../chat/yes-or-no.ts';
import { contactId } from '../../http/contact.ts';
import { boolean, sentObject, uuid } from '../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { list } from '../../http/list.ts';
import type { ApiContext } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { approvalResponse } from './approvals.ts';
import type { ApprovalResponse } from './approvals.ts';

const MAX_CHAT_ID = 256;
const BETWEEN_PARTS = '\n\n';

const UiMessage = v.object({
  id: v.optional(v.pipe(v.string(), v.maxLength(MAX_CHAT_ID))),
  role: v.picklist(['system', 'user', 'assistant']),
  parts: list(
    v.object({
      type: v.string(),
      text: v.optional(v.string()),
      data: v.optional(v.unknown()),
      url: described(
        v.optional(v.unknown()),
        'Of a part `file`: data:<type>;base64,… or the address of a stored file',
      ),
      mediaType: v.optional(v.string()),
      filename: v.optional(v.string()),
      state: v.optional(v.unknown()),
      approval: described(
        v.optional(v.unknown()),
        'Of a part `dynamic-tool` whose state is `approval-responded`',
      ),
    }),
    MAX_PARTS,
  ),
});
type UiMessage = v.InferOutput<typeof UiMessage>;

/** The data of the part by which a message says which question it answers. */
const Answered = v.object({ question_id: v.string() });

/** What `DefaultChatTransport` sends; the members after `messages` come by its option `body`. */
export const AiSdkBody = titled('AiSdkRequest', {
  id: described(
    v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_CHAT_ID))),
    'The client’s id of the chat; each is a thread of its own. Default: the id of its first message, for `WorkflowChatTransport`, which sends no other',
  ),
  trigger: described(
    v.optional(v.string()),
    '`DefaultChatTransport` sends it: such a client stops a run by leaving',
  ),
  messages: v.pipe(
    list(UiMessage, MAX_MESSAGES),
    v.nonEmpty(),
    v.description(
      'The whole chat; the last message is the new one, by the user. With a part data-question it answers that question or is refused. Or the last one is the assistant’s, with a tool call that the user has approved or denied',
    ),
  ),
  contact_id: described(
    v.optional(contactId),
    'The contact; the header x-jims-contact-id wins over it',
  ),
  thread_id: described(v.nullish(uuid), 'Continues this thread; the other messages are ignored'),
  thread_config: v.optional(sentObject, () => ({ interface: 'ai-sdk' })),
  event_type: v.optional(eventType),
  on_busy: runFields.on_busy,
  on_disconnect: described(
    v.optional(v.picklist(['continue', 'cancel'])),
    '`continue` for a client that resumes streams and stops runs by DELETE; default `cancel` with a `trigger`, else `continue`',
  ),
  heartbeats: described(
    v.optional(boolean, false),
    'A transient part `data-heartbeat` instead of a comment while nothing happens',
  ),
  timeout: runFields.timeout,
});

/** A message to a chat, decoded. */
export interface AiSdkMessage extends ClientMessage {
  readonly chatId: string;
  readonly contactId: string | undefined;
  /** What the user approved or denied: then the answer is added to the client's last message. */
  readonly approval: ApprovalResponse | undefined;
  readonly heartbeats: boolean;
  readonly options: RunOptions;
}

/**
 * Reads the body of a request.
 *
 * @throws HttpError 422 also for a new message that is not the user's, or has a file at another address;
 * 413 for a config that is too large.
 */
export function decode(
  api: Pick<ApiContext, 'allowedEventTypes' | 'maxConfigBytes'>,
  body: unknown,
): AiSdkMessage {
  const request = parseBody(AiSdkBody, body);
  const approval = approvalIn(request.messages);
  const last = approval ? undefined : newMessage(request.messages);
  const questionId = approval?.id ?? (last && answeredQuestion(last));
  const incoming = approval
    ? clickOf(approval, { eventType: request.event_type })
    : userEvent(last ? textOf(last) : '', request.event_type, questionId);
  requireAllowed(incoming.type, api.allowedEventTypes);
  requireConfigSize(api, request.thread_config);
  return {
    chatId: chatIdOf(request),
    contactId: request.contact_id,
    threadId: typeof request.thread_id === 'string' ? request.thread_id : undefined,
    threadConfig: request.thread_config,
    earlier: request.messages.slice(0, approval ? undefined : -1).flatMap(saidText),
    incoming,
    sentFiles: last ? fileParts(last).map(toFile) : [],
    approval,
    heartbeats: request.heartbeats,
    answer:
      questionId === undefined ? undefined : { kind: 'question', questionId, audience: 'contact' },
    options: runOptions({ ...request, on_disconnect: onDisconnect(request) }),
  };
}

function chatIdOf({ id, messages }: v.InferOutput<typeof AiSdkBody>): string {
  const chatId = id ?? messages[0]?.id;
  if (chatId) return chatId;
  throw fieldError('id', id, 'the request needs the id of the chat');
}

/** A client that reconnects by itself leaves and comes back; `stop()` of the others closes the connection. */
function onDisconnect({ on_disconnect, trigger }: v.InferOutput<typeof AiSdkBody>): OnDisconnect {
  return on_disconnect ?? (trigger === undefined ? 'continue' : 'cancel_unless_keyed');
}

/** What the user did instead of writing: then the last message is still the assistant's. */
function approvalIn(messages: readonly UiMessage[]): ApprovalResponse | undefined {
  const last = messages.at(-1);
  return last?.role === 'assistant' ? approvalResponse(last.parts) : undefined;
}

function answeredQuestion({ parts }: UiMessage): string | undefined {
  const part = parts.find(({ type }) => type === 'data-question');
  return v.is(Answered, part?.data) ? part.data.question_id : undefined;
}

function newMessage(messages: readonly UiMessage[]): UiMessage {
  const last = messages.at(-1);
  if (last?.role === 'user') return last;
  const reason = 'the last message must be the user’s';
  throw fieldError('messages', last, reason);
}

type Part = UiMessage['parts'][number];

function fileParts({ parts }: UiMessage): Part[] {
  return parts.filter(({ type }) => type === 'file');
}

/** @throws HttpError 422 for one at another address. */
function toFile({ url, filename: name, mediaType }: Part): SentFile {
  return fileAt(url, { member: 'messages', name, mediaType });
}

function saidText(message: UiMessage): HistoryMessage[] {
  const { role } = message;
  if (role === 'system') return [];
  const text = textOf(message);
  if (role === 'user') {
    return [{ role, content: userContent(text), files: readable(fileParts(message), toFile) }];
  }
  // An answer that failed before it had any text.
  return text === '' ? [] : [{ role, content: text }];
}

function textOf({ parts }: UiMessage): string {
  return parts
    .flatMap(({ type, text }) => (type === 'text' && text !== undefined ? [text] : []))
    .join(BETWEEN_PARTS);
}
