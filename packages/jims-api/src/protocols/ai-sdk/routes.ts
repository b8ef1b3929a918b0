import type { Run, Thread } from 'jims-core';
import * as v from 'valibot';

import { threadOfMessage, threadOfChat } from '../../chat/client-history.ts';
import { pageFileAddress } from '../../chat/file-address.ts';
import { threadHeader } from '../../chat/named-thread.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { joinRun, streamRun } from '../../chat/stream-run.ts';
import { viewOptions } from '../../chat/visibility.ts';
import { contactInQuery, contactOf, mayReach, nobody } from '../../http/contact.ts';
import { errorText } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonPieces } from '../../http/fastapi/json-pieces.ts';
import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import { streamedJson } from '../../http/json-answer.ts';
import { inQuery } from '../../http/parameters.ts';
import { answerInTurn, lookUpInTurn } from '../../http/reading-turns.ts';
import { refusingBy, route, withAliases } from '../../http/route.ts';
import type {
  ApiContext,
  Call,
  ErrorStatus,
  Parameter,
  Protocol,
  RefusedCall,
  Route,
} from '../../http/route.ts';
import { SSE_HEADERS } from '../../http/sse/response.ts';
import { AiSdkBody, decode } from './decode.ts';
import type { AiSdkMessage } from './decode.ts';
import { HEARTBEAT, encodeStream } from './encode.ts';
import type { StreamOptions } from './encode.ts';
import { uiMessages } from './ui-messages.ts';

const PROTOCOL = 'ai-sdk';
/** The contact when none is named. */
const NOBODY = nobody(PROTOCOL);
/** For a client that waits for a `finish`. */
const NO_ANSWER = 'data: {"type":"finish"}\n\ndata: [DONE]\n\n';
const STREAM_HEADERS = { 'x-vercel-ai-ui-message-stream': 'v1' };

const tags = ['ai-sdk'];
const errors: readonly ErrorStatus[] = [400, 401, 404, 409, 413, 415, 422, 429, 503];

const STREAM = {
  description: 'UI message stream, version 1',
  contentType: 'text/event-stream',
  example:
    'data: {"type":"start","messageId":"…"}\n\n' +
    'data: {"type":"text-start","id":"t"}\n\n' +
    'data: {"type":"text-delta","id":"t","delta":"Hello"}\n\n' +
    'data: {"type":"text-end","id":"t"}\n\n' +
    'data: {"type":"finish","finishReason":"stop"}\n\n' +
    'data: [DONE]\n\n',
};

const ofAChat: readonly Parameter[] = [
  { name: 'id', in: 'path', description: 'The client’s id of the chat', schema: v.string() },
  {
    name: 'x-jims-contact-id',
    in: 'header',
    required: false,
    description: 'The contact of the chat; or `contact_id` in the query',
    schema: v.string(),
  },
];

const routes: readonly Route[] = [
  route.post(
    '/ai-sdk/chat',
    send,
    {
      operationId: 'ai_sdk_chat',
      summary: 'For the AI SDK: the api of a DefaultChatTransport',
      description: 'Errors are plain text. `/api/chat` is the same.',
      tags,
      request: AiSdkBody,
      responses: { 200: STREAM },
      errors,
    },
    // WorkflowChatTransport does not say what it sends.
    { anyText: true },
  ),
  route.get('/ai-sdk/chat/:id', restore, {
    operationId: 'ai_sdk_messages',
    summary: 'The messages of a chat, for useChat',
    tags,
    parameters: ofAChat,
    responses: {
      200: {
        description: 'UI messages',
        schema: v.object({ messages: v.array(v.looseObject({})) }),
      },
    },
    errors: [401, 404],
  }),
  route.get('/ai-sdk/chat/:id/stream', resume, {
    operationId: 'ai_sdk_resume',
    summary: 'The current answer from its beginning, for useChat({ resume: true })',
    description:
      'For `WorkflowChatTransport` also the answer of a run that is named instead of the chat: with `startIndex` it replaces what the client has, and an answer that is over ends with a `finish`.',
    tags,
    parameters: [
      ...ofAChat,
      inQuery(
        'startIndex',
        'How many pieces the client has; 0 for none',
        v.pipe(v.number(), v.integer()),
      ),
    ],
    responses: { 200: STREAM, 204: { description: 'No answer is in progress' } },
    errors: [401, 404, 429, 503],
  }),
  route.delete('/ai-sdk/chat/:id/stream', stop, {
    operationId: 'ai_sdk_stop',
    summary: 'Stop the current answer',
    tags,
    parameters: ofAChat,
    responses: { 204: { description: 'No answer is in progress any more' } },
    errors: [401, 404],
  }),
];

/** The UI message stream of Vercel's AI SDK (`DefaultChatTransport`, `useChat`). */
export const aiSdkProtocol: Protocol = {
  // `/api/chat` is the default of the AI SDK.
  routes: withAliases(refusingBy(refuse, routes), (path) =>
    path.replace('/ai-sdk/chat', '/api/chat'),
  ),
  wire: (api, call, run) => encodeStream(run, streamOptions(api, call)),
};

async function send(api: ApiContext, call: Call): Promise<Response> {
  const message = decode(api, await call.body());
  const request = await requestOf(api, call, message);
  const headers = { ...call.headers, ...STREAM_HEADERS };
  const { approval, heartbeats } = message;
  return streamRun(api, { ...call, headers }, request, {
    ...(heartbeats && { heartbeat: HEARTBEAT }),
    headersOf: (run) => ({ 'x-workflow-run-id': run.id }),
    encode: (run) => encodeStream(run, { ...streamOptions(api, call), approval }),
  });
}

async function requestOf(
  api: ApiContext,
  call: Call,
  message: AiSdkMessage,
): Promise<ClientRunRequest> {
  const target = await lookUpInTurn(api, call, () =>
    threadOfMessage(api, call, message, {
      contactId: contactOf(call, contactInQuery(call) ?? message.contactId),
      nobody: NOBODY,
      threadId: threadHeader(call) ?? message.threadId,
      chatId: { protocol: PROTOCOL, id: message.chatId },
      interface: PROTOCOL,
    }),
  );
  const { options, incoming, sentFiles, answer } = message;
  return { ...options, incoming, sentFiles, ...target, ...(answer && { answer }) };
}

/**
 * `WorkflowChatTransport` names the run, or after a reload the chat, and how many pieces it has; other
 * clients the chat alone. Pieces are joined for slow readers, so the first one gets all of them again.
 */
async function resume(api: ApiContext, call: Call): Promise<Response> {
  const pieces = call.query.get('startIndex');
  if (pieces !== null) return reconnect(api, call, Number(pieces) > 0);
  const run = await activeRun(api, call);
  if (!run) return nothing(call);
  const headers = { ...call.headers, ...STREAM_HEADERS };
  return joinRun(api, { ...call, headers }, run, () => encodeStream(run, streamOptions(api, call)));
}

async function reconnect(api: ApiContext, sent: Call, isAgain: boolean): Promise<Response> {
  const headers = { ...sent.headers, ...STREAM_HEADERS, 'x-workflow-stream-tail-index': '-1' };
  const call = { ...sent, headers };
  const run = (await namedRun(api, call)) ?? (await activeRun(api, call));
  if (!run) return new Response(NO_ANSWER, { headers: { ...headers, ...SSE_HEADERS } });
  return joinRun(api, call, run, () =>
    encodeStream(run, { ...streamOptions(api, call), isAgain, finishes: true }),
  );
}

/** The run that the path names in place of a chat. */
async function namedRun(api: ApiContext, call: Call): Promise<Run | undefined> {
  const runId = canonicalUuid(call.params['id'] ?? '');
  const run = runId === undefined ? undefined : await api.app.runs.find(runId);
  if (!run || !mayReach(api, call, run.thread)) return undefined;
  // The run may still be in memory when another process has erased its thread.
  return (await api.app.threads.find(run.thread.id)) && run;
}

async function stop(api: ApiContext, call: Call): Promise<Response> {
  const run = await activeRun(api, call);
  run?.cancel();
  return nothing(call);
}

async function restore(api: ApiContext, call: Call): Promise<Response> {
  const thread = await chatThread(api, call);
  return answerInTurn(api, call, async (end) => streamedJson(call, restoredText(api, thread), end));
}

async function* restoredText(api: ApiContext, thread: Thread | undefined): AsyncGenerator<string> {
  const { threads } = api.app;
  yield '{"messages":[';
  let separator = '';
  const messages = thread ? uiMessages(threads.allEvents(thread), pageFileAddress(api)) : [];
  for await (const message of messages) {
    yield separator;
    separator = ',';
    yield* jsonPieces(message);
  }
  yield ']}';
}

function streamOptions(api: ApiContext, call: Call): StreamOptions {
  return { ...viewOptions(api, call), fileAddress: pageFileAddress(api) };
}

async function activeRun(api: ApiContext, call: Call): Promise<Run | undefined> {
  const thread = await chatThread(api, call);
  return thread && api.app.runs.active(thread.id);
}

function chatThread({ app }: ApiContext, call: Call): Promise<Thread | undefined> {
  const contact = contactOf(call, contactInQuery(call)) ?? NOBODY;
  return threadOfChat(app, contact, { protocol: PROTOCOL, id: call.params['id'] ?? '' });
}

/** The client shows the whole body as its error: so it is a sentence. */
function refuse(error: HttpError, { headers }: RefusedCall): Response {
  return new Response(errorText(error), {
    status: error.status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}

function nothing({ headers }: Call): Response {
  return new Response(null, { status: 204, headers });
}
