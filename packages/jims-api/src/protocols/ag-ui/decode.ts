import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import type { HistoryMessage } from '../../chat/alignment.ts';
import type { ClientMessage } from '../../chat/client-history.ts';
import { asListed, messageContent, userContent, userEvent } from '../../chat/messages.ts';
import { eventType, requireAllowed, runFields, runOptions } from '../../chat/run-fields.ts';
import type { RunOptions } from '../../chat/run-fields.ts';
import { MAX_MESSAGES, requireConfigSize } from '../../chat/sent-limits.ts';
import { clickOf } from '../../chat/yes-or-no.ts';
import { contactId } from '../../http/contact.ts';
import { boolean, sentObject, uuid } from '../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { isJsonObject } from '../../http/json-object.ts';
import { list } from '../../http/list.ts';
import type { ApiContext } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import type { ClientRun } from './events.ts';
import { contentFiles, earlierFiles, filePartsOf } from './files.ts';
import { Resume, answerRule, approvalIn } from './interrupts.ts';

const MAX_ID = 256;
/** The most pieces of what the client's page knows. */
const MAX_CONTEXT = 1000;
const BETWEEN_PARTS = '\n\n';

const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_ID));

const Message = v.object({
  role: v.string(),
  content: described(
    v.optional(messageContent),
    'A string, or parts with text, and image, audio, video and document with data, or the address of a stored file',
  ),
  toolCallId: described(
    v.optional(v.unknown()),
    'Of the role `tool`: the question that the content answers',
  ),
});
type Message = v.InferOutput<typeof Message>;

/** The members of AG-UI's `RunAgentInput` that are used here. */
export const AgUiBody = titled('RunAgentInput', {
  threadId: described(id, 'The client’s id; each is a thread of its own'),
  runId: described(id, 'The client’s id; the answer repeats it'),
  parentRunId: described(v.nullish(id), 'Repeated in the answer'),
  messages: described(
    list(Message, MAX_MESSAGES),
    'The whole thread; the last message is the new one, by the user, or the result of the tool call that a question was. An empty list: the answer is what was said so far, and nothing runs',
  ),
  context: described(
    v.optional(list(sentObject, MAX_CONTEXT), []),
    'For the app to read; stored with a new thread, as `agui_context` of its config',
  ),
  resume: described(
    v.nullish(list(Resume, 1)),
    'The answer to a question: its payload, text or JSON, or else the new message; of a question of yes or no also `{ approved, reason }`. `cancelled` withdraws the question',
  ),
  forwardedProps: v.nullish(
    v.object({
      contact_id: described(
        v.optional(contactId),
        'The contact; the header x-jims-contact-id wins over it',
      ),
      thread_id: described(
        v.nullish(uuid),
        'Continues this thread of JIMS; the other messages are ignored',
      ),
      thread_config: v.optional(sentObject),
      event_type: v.optional(eventType),
      interrupts: described(
        v.optional(boolean),
        'false for a client that answers questions by messages alone: then no question is an interrupt',
      ),
      on_busy: runFields.on_busy,
      timeout: runFields.timeout,
    }),
    {},
  ),
});

/** A request, decoded. */
export interface AgUiInput extends ClientRun {
  readonly contactId: string | undefined;
  /** `undefined` when nothing is to run. */
  readonly message: AgUiMessage | undefined;
  /** The question that is to be withdrawn while nothing runs. */
  readonly withdrawn: string | undefined;
  /** Whether the client answers interrupts. */
  readonly interrupts: boolean;
}

export interface AgUiMessage extends ClientMessage {
  /** The question that it resumes. */
  readonly questionId: string | undefined;
  /** What it is when that question is one of yes or no. */
  readonly click: NewEvent | undefined;
  readonly options: RunOptions;
}

/**
 * Reads the body of a request.
 *
 * @throws HttpError 422 also for a new message that is not the user's, or has parts that are not known,
 * or files at other addresses; 413 for a config that is too large with its context.
 */
export function decode(
  api: Pick<ApiContext, 'allowedEventTypes' | 'maxConfigBytes'>,
  body: unknown,
): AgUiInput {
  const input = parseBody(AgUiBody, body);
  const { threadId, runId, parentRunId, messages, forwardedProps: props } = input;
  const resume = input.resume?.[0] ?? resultIn(messages);
  const withdraws = resume?.status === 'cancelled' && !hasNewMessage(messages);
  const runs = !withdraws && (messages.length > 0 || resume !== undefined);
  return {
    threadId,
    runId,
    parentRunId,
    contactId: props?.contact_id,
    interrupts: props?.interrupts ?? true,
    withdrawn: withdraws ? resume.interruptId : undefined,
    message: runs ? messageIn(api, input, resume) : undefined,
  };
}

function messageIn(
  api: Pick<ApiContext, 'allowedEventTypes' | 'maxConfigBytes'>,
  { messages, context, forwardedProps }: v.InferOutput<typeof AgUiBody>,
  resume: Resume | undefined,
): AgUiMessage {
  const { thread_id, thread_config, event_type, ...run } = forwardedProps ?? {};
  const incoming = incomingEvent(messages, { resume, eventType: event_type });
  requireAllowed(incoming.type, api.allowedEventTypes);
  const threadConfig = {
    ...(thread_config ?? { interface: 'ag-ui' }),
    ...(context.length > 0 && { agui_context: context }),
  };
  requireConfigSize(api, threadConfig);
  const earlier = hasNewMessage(messages) ? messages.slice(0, -1) : messages;
  const approval = resume && approvalIn(resume);
  return {
    threadId: typeof thread_id === 'string' ? thread_id : undefined,
    threadConfig,
    earlier: earlier.flatMap(saidText),
    incoming,
    sentFiles: hasNewMessage(messages) ? contentFiles(messages.at(-1)?.content) : [],
    answer: resume && answerRule(resume),
    questionId: resume?.interruptId,
    click: approval && clickOf(approval, { eventType: event_type, listedAs: listedText(messages) }),
    // The client has no other way to stop the run.
    options: runOptions({ ...run, on_disconnect: 'cancel_unless_keyed' }),
  };
}

/** The answer of a client that knows tools and no interrupts. */
function resultIn(messages: readonly Message[]): Resume | undefined {
  const { role, content, toolCallId } = messages.at(-1) ?? {};
  if (role !== 'tool' || !v.is(id, toolCallId)) return undefined;
  const payload = textOf({ role, content });
  return { interruptId: toolCallId, status: 'resolved', ...(payload !== undefined && { payload }) };
}

function hasNewMessage(messages: readonly Message[]): boolean {
  return messages.at(-1)?.role === 'user';
}

/** The new message, or the answer to an interrupt, which need not be a message of the client's list. */
function incomingEvent(
  messages: readonly Message[],
  {
    resume,
    eventType: type,
  }: { readonly resume: Resume | undefined; readonly eventType: string | undefined },
): NewEvent {
  const last = messages.at(-1);
  if (resume?.status !== 'resolved') return userEvent(newText(last), type);
  const { interruptId, payload } = resume;
  if (payload === undefined) return userEvent(newText(last), type, interruptId);
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return asListed(userEvent(text, type, interruptId), listedText(messages));
}

/** How the client lists an answer among the user's messages. */
function listedText(messages: readonly Message[]): string | null {
  return hasNewMessage(messages) ? userContent(newText(messages.at(-1))) : null;
}

function newText(message: Message | undefined): string {
  const text = message?.role === 'user' ? textOf(message) : undefined;
  if (text !== undefined) return text;
  const reason = 'the last message must be the user’s, and its parts text or files';
  throw fieldError('messages', message, reason);
}

function saidText({ role, content }: Message): HistoryMessage[] {
  const text = textOf({ role, content }, 'lenient') ?? '';
  if (role === 'user') {
    return [{ role, content: userContent(text), files: earlierFiles(content) }];
  }
  return role === 'assistant' && text !== '' ? [{ role, content: text }] : [];
}

/** The text of a message. Strict: `undefined` when there is something other than text and files in it. */
function textOf({ content }: Message, how: 'strict' | 'lenient' = 'strict'): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.flatMap((part) =>
    isJsonObject(part) && typeof part['text'] === 'string' ? [part['text']] : [],
  );
  const known = texts.length + filePartsOf(content).length;
  if (how === 'strict' && known < content.length) return undefined;
  return texts.join(BETWEEN_PARTS);
}
