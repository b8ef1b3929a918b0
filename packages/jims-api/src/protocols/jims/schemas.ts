import { MAX_MESSAGE_FILES } from 'jims-core';
import * as v from 'valibot';

import { answerFields, answerOption } from '../../chat/questions.ts';
import { eventType, requireAllowed, runFields, runOptions } from '../../chat/run-fields.ts';
import { requireConfigSize } from '../../chat/sent-limits.ts';
import { seesModels } from '../../chat/visibility.ts';
import { contactId } from '../../http/contact.ts';
import { boolean, jsonObject, sentObject, uuid } from '../../http/fastapi/fields.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { list } from '../../http/list.ts';
import { inHeader } from '../../http/parameters.ts';
import { MESSAGE_LENGTH } from '../../http/route.ts';
import type { ApiContext, Call, Parameter } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { AskedQuestion } from './asked-question.ts';

/** The additions to the original's answer that a client can request. */
export const INCLUDES = [
  'thread',
  'start',
  'delta',
  'event',
  'usage',
  'step',
  'reasoning',
  'tool',
  'source',
  'file',
  'heartbeat',
] as const;
export type Include = (typeof INCLUDES)[number];

const NO_INCLUDES: ReadonlySet<Include> = new Set();

/** A header of every route that starts a run. */
export const IDEMPOTENCY_KEY: Parameter = inHeader(
  'idempotency-key',
  'The same key with the same body is the same run: its answer, or its live stream. Kept for a day',
);

/** What a contact says. */
export const messageText = v.pipe(
  v.string(),
  v.metadata({ maxLength: MESSAGE_LENGTH }),
  v.description('What the contact writes; at most --max-message-size bytes'),
);

/** The files that a message names. */
export const messageFiles = described(
  v.optional(list(uuid, MAX_MESSAGE_FILES), []),
  'The ids of files that were sent to `/api/v1/files`',
);

/** What the message is stored as. */
export const messageType = v.optional(eventType, 'comm.user_message');

/** The body of both chat routes. */
export const ChatRequestBody = v.pipe(
  v.object({
    contact_id: contactId,
    message: messageText,
    thread_id: described(
      v.nullish(uuid),
      'Continues this thread instead of the latest of the contact',
    ),
    new_thread: described(
      v.optional(v.boolean(), false),
      'Makes a new thread instead of continuing the latest of the contact',
    ),
    thread_config: described(
      v.optional(sentObject, () => ({ interface: 'api' })),
      'For the app to read; stored with a new thread, ignored for an existing one',
    ),
    event_type: messageType,
    files: messageFiles,
    run_conversation_start_on_new_thread: described(
      v.optional(boolean, false),
      'Lets the app greet first when this message makes a thread',
    ),
    include: described(
      v.optional(list(v.picklist(INCLUDES), INCLUDES.length), []),
      'Additions to the answer: `start`, what the app said first; `usage`, the models that were used; in a stream `thread`, `delta`, `event`, `step`, of a message `reasoning`, `tool`, `source` and `file`, and `heartbeat`, an event instead of a comment while nothing happens',
    ),
    ...runFields,
    ...answerFields,
  }),
  v.title('ChatRequest'),
  v.metadata({ examples: [{ contact_id: 'customer:42', message: 'Hello' }] }),
  v.transform((body) => ({
    contactId: body.contact_id,
    message: body.message,
    threadId: body.thread_id ?? undefined,
    newThread: body.new_thread,
    threadConfig: body.thread_config,
    eventType: body.event_type,
    sentFiles: body.files.map((fileId) => ({ fileId })),
    runConversationStart: body.run_conversation_start_on_new_thread,
    include: body.include.length > 0 ? new Set<Include>(body.include) : NO_INCLUDES,
    options: { ...runOptions(body), ...answerOption(body) },
  })),
);

export type ChatRequest = v.InferOutput<typeof ChatRequestBody>;

const ApiEvent = titled('ApiEvent', { event_type: v.string(), event_data: jsonObject });

export const Usage = titled('ModelUsage', {
  model: described(v.string(), 'The provider’s name of the model'),
  requests: v.number(),
  prompt_tokens: v.number(),
  completion_tokens: v.number(),
  cached_tokens: described(v.number(), 'The part of prompt_tokens that was cached'),
  cost_usd: described(v.nullable(v.number()), 'null when the price is not known'),
});

/** What an app sent in a run. */
export const said = {
  assistant_messages: described(
    v.array(v.string()),
    'The text of the messages; messages with buttons are in events only',
  ),
  events: described(
    v.array(ApiEvent),
    'All events except internal ones: state.*, context.*, jims.*',
  ),
};

/** The answer of a chat, also the data of a stream's `result`. */
export const ChatResponseBody = titled('ChatResponse', {
  thread_id: described(uuid, 'Send it to continue this thread'),
  created_new_thread: v.boolean(),
  ...said,
  start: described(
    v.optional(v.object(said)),
    'What the app said first in a new thread; with include: ["start"]',
  ),
  usage: described(
    v.optional(v.array(Usage)),
    'The models that were used, and their cost; with include: ["usage"]',
  ),
  status: described(
    v.optional(v.picklist(['waiting', 'completed', 'cancelled'])),
    'Of a run that asked a question: `waiting` while that is open, `cancelled` when it was withdrawn',
  ),
  question: described(
    v.optional(AskedQuestion),
    'What the run waits for; the answer is the next message of the contact',
  ),
});

export type ChatResponse = v.InferOutput<typeof ChatResponseBody>;

/** The parts of `include` that a caller may have. */
export function includedFor(
  { principal }: Pick<Call, 'principal'>,
  include: ReadonlySet<Include>,
): ReadonlySet<Include> {
  if (seesModels(principal) || !include.has('usage')) return include;
  return new Set([...include].filter((each) => each !== 'usage'));
}

/**
 * Reads the body of a chat request.
 *
 * @throws HttpError 422 with FastAPI's list of issues, 413 for a config that is too large.
 */
export function parseChatRequest(
  body: unknown,
  api: Pick<ApiContext, 'allowedEventTypes' | 'maxConfigBytes'>,
): ChatRequest {
  const request = parseBody(ChatRequestBody, body);
  requireAllowed(request.eventType, api.allowedEventTypes);
  requireConfigSize(api, request.threadConfig);
  return request;
}
