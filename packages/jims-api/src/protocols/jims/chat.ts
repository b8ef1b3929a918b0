import { newEvent } from 'jims-core';
import type { Run, RunPosition, RunThread } from 'jims-core';

import { answerRun } from '../../chat/answer-run.ts';
import { configBy } from '../../chat/client-config.ts';
import { EXAMPLE_ANSWER } from '../../chat/example-answer.ts';
import { hasKey } from '../../chat/idempotency.ts';
import { namedThread } from '../../chat/named-thread.ts';
import { questionNow, threadOfQuestion } from '../../chat/questions.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { streamRun } from '../../chat/stream-run.ts';
import { viewOptions } from '../../chat/visibility.ts';
import { bodyWithContact, contactOf } from '../../http/contact.ts';
import { lastEventIdNames, lastEventIdOf } from '../../http/last-event-id.ts';
import { inHeader } from '../../http/parameters.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Route } from '../../http/route.ts';
import { chatResponse } from './chat-response.ts';
import { chatFrames, heartbeatFor } from './chat-stream.ts';
import { positionOf } from './event-ids.ts';
import { runStreamDoc } from './frame-docs.ts';
import {
  ChatRequestBody,
  ChatResponseBody,
  IDEMPOTENCY_KEY,
  includedFor,
  parseChatRequest,
} from './schemas.ts';
import type { ChatRequest } from './schemas.ts';

const LAST_EVENT_ID = 'last-event-id';
const tags = ['chat'];
const errors: readonly ErrorStatus[] = [400, 401, 403, 404, 410, 413, 422, 429, 503];

const STREAM = `event: status
data: {"status": "Thinking...", "type": "thinking"}

event: result
data: ${JSON.stringify(EXAMPLE_ANSWER)}

`;

const STREAM_EVENTS = `Server-Sent Events, each with JSON as its data. Without \`include\` they are \`status\`, then one \`result\`, \`error\` or \`cancelled\`; with it also those that it names.

A silent stream sends a comment line now and then. Events have ids when \`include\` names anything.
The run goes on when the client leaves, unless \`on_disconnect\` says otherwise, and can be joined again.`;

export const chatRoutes: readonly Route[] = [
  route.post(
    '/api/v1/chat',
    chat,
    {
      operationId: 'chat',
      summary: 'Send a message and get the answer',
      description:
        'Continues the latest thread of the contact or the named one, or makes a new one. A thread answers one message at a time, in the order of their arrival.',
      tags,
      parameters: [IDEMPOTENCY_KEY],
      request: ChatRequestBody,
      responses: {
        200: {
          description: 'The answer, which is stored',
          schema: ChatResponseBody,
          example: EXAMPLE_ANSWER,
        },
      },
      errors: [...errors, 409, 500, 504],
    },
    { isOriginal: true },
  ),
  route.post(
    '/api/v1/chat/stream',
    chatStream,
    {
      operationId: 'chat_stream',
      summary: 'Send a message and follow the answer',
      description: STREAM_EVENTS,
      tags,
      parameters: [
        IDEMPOTENCY_KEY,
        inHeader(
          LAST_EVENT_ID,
          'With a key that was sent before: the stream goes on after this event',
        ),
        ...lastEventIdNames(LAST_EVENT_ID),
      ],
      request: ChatRequestBody,
      responses: { 200: runStreamDoc(STREAM) },
      errors: [...errors, 409],
    },
    { isOriginal: true },
  ),
];

/** One message in, the answer out. */
async function chat(api: ApiContext, call: Call): Promise<Response> {
  const request = parseChatRequest(await bodyWithContact(call), api);
  const include = includedFor(call, request.include);
  const options = { ...viewOptions(api, call), include };
  return answerRun(api, call, await toRequest(api, call, request), async (run, result) =>
    chatResponse(run, result, {
      ...options,
      ...(run.replayed && { question: await questionNow(api.app, run) }),
    }),
  );
}

/** The same as a stream of the run. */
async function chatStream(api: ApiContext, call: Call): Promise<Response> {
  const request = parseChatRequest(await bodyWithContact(call), api);
  const include = includedFor(call, request.include);
  // Without `include` a client gets the original's bytes: no ids either.
  const numbered = include.size > 0;
  const seen = numbered ? seenBefore(call) : undefined;
  const options = { ...viewOptions(api, call), include, numbered };
  return streamRun(api, call, await toRequest(api, call, request), {
    heartbeat: heartbeatFor(request.include),
    encode: async (run) =>
      chatFrames(run, {
        ...options,
        after: seen && positionIn(run, seen),
        ...(run.replayed && { question: await questionNow(api.app, run) }),
      }),
  });
}

/** The last position that the client has seen of a stream that it requests again by its key. */
function seenBefore(call: Call): RunPosition | undefined {
  const id = hasKey(call) ? lastEventIdOf(call) : undefined;
  return id === undefined ? undefined : positionOf(id);
}

/** Where to go on in an earlier run. An end that was seen is sent again: it tells the client to stop. */
function positionIn(run: Run, seen: RunPosition): RunPosition | undefined {
  if (!run.replayed && run.attempt === 1) return undefined;
  const { endPosition: end } = run;
  const isSeen = end && end.attempt === seen.attempt && seen.seq >= end.seq;
  return isSeen ? { ...end, seq: end.seq - 1 } : seen;
}

/** A run in the contact's latest thread, in the one that is named, or in that of a question. */
async function toRequest(
  api: ApiContext,
  call: Call,
  request: ChatRequest,
): Promise<ClientRunRequest> {
  const { message, eventType, sentFiles, runConversationStart } = request;
  const contactId = contactOf(call, request.contactId) ?? request.contactId;
  return {
    thread: await threadOf(api, call, { ...request, contactId }),
    incoming: newEvent(eventType, { role: 'user', content: message }),
    sentFiles,
    conversationStart: runConversationStart,
    ...request.options,
  };
}

async function threadOf(
  api: ApiContext,
  call: Call,
  { contactId, threadId, newThread, threadConfig, options: { answer } }: ChatRequest,
): Promise<RunThread> {
  if (threadId !== undefined) return namedThread(api, call, { threadId, contactId });
  if (answer?.kind === 'question') {
    return threadOfQuestion(api, call, { questionId: answer.questionId, contactId });
  }
  const thread = { contactId, threadConfig: configBy(call.principal, threadConfig, 'api') };
  return newThread ? { kind: 'new', ...thread, events: [] } : { kind: 'latest', ...thread };
}
