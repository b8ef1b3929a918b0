import { randomUUIDv7 } from 'node:crypto';

import { answerRun } from '../../chat/answer-run.ts';
import { configBy } from '../../chat/client-config.ts';
import { threadOfHistory } from '../../chat/client-history.ts';
import { pageFileAddress } from '../../chat/file-address.ts';
import { MessageUploads } from '../../chat/message-uploads.ts';
import { namedThread, threadHeader } from '../../chat/named-thread.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { requireConfigSize } from '../../chat/sent-limits.ts';
import { isReachedAgain } from '../../chat/start-run.ts';
import type { ClientRunRequest, RunTarget } from '../../chat/start-run.ts';
import { streamRun } from '../../chat/stream-run.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { errorOptions } from '../../http/error-response.ts';
import { notJson } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { isFormType } from '../../http/form.ts';
import { json } from '../../http/json-answer.ts';
import { isJsonType } from '../../http/json-body.ts';
import { refusingBy, route } from '../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Protocol, RefusedCall } from '../../http/route.ts';
import { DeepChatBody, decode } from './decode.ts';
import type { DeepChatMessage } from './decode.ts';
import { encodeError, encodeResult, encodeStream } from './encode.ts';
import { readSentForm } from './form.ts';

const tags = ['deep-chat'];
const errors: readonly ErrorStatus[] = [400, 401, 404, 409, 413, 415, 422, 429, 503];

/** The protocol of the web component Deep Chat (`connect`). */
export const deepChatProtocol: Protocol = {
  routes: refusingBy(refuse, [
    route.post('/deep-chat', answer, {
      operationId: 'deep_chat',
      summary: 'For Deep Chat: connect.url',
      tags,
      request: DeepChatBody,
      responses: {
        200: { description: 'One message or a list of them', example: { text: 'Hello' } },
      },
      errors: [...errors, 500, 504],
    }),
    route.post('/deep-chat/stream', stream, {
      operationId: 'deep_chat_stream',
      summary: 'For Deep Chat: connect.url with stream: true',
      tags,
      request: DeepChatBody,
      responses: {
        200: {
          description: 'Pieces of the answer',
          contentType: 'text/event-stream',
          example: 'data: {"text":"Hel"}\n\ndata: {"text":"lo"}\n\n',
        },
      },
      errors,
    }),
  ]),
  wire: (api, call, run) =>
    encodeStream(run, { ...errorOptions(api, call), addressOf: pageFileAddress(api) }),
};

async function answer(api: ApiContext, sent: Call): Promise<Response> {
  const { call, request } = await requestOf(api, sent);
  return answerRun(api, call, request, (_, result) => encodeResult(result, pageFileAddress(api)));
}

async function stream(api: ApiContext, sent: Call): Promise<Response> {
  const addressOf = pageFileAddress(api);
  const { call, request } = await requestOf(api, sent);
  return streamRun(api, call, request, (run) =>
    encodeStream(run, { ...errorOptions(api, call), addressOf }),
  );
}

async function requestOf(
  api: ApiContext,
  sent: Call,
): Promise<{ readonly call: Call; readonly request: ClientRunRequest }> {
  const { call, message } = await received(api, sent);
  const { incoming, sentFiles } = message;
  const target = await orDiscard(api, sentFiles, () => targetOf(api, call, message));
  const canAnswer = isReachedAgain(target.thread);
  // Closing the connection is Deep Chat's stop button.
  const request = {
    ...target,
    incoming,
    sentFiles,
    canAnswer,
    onDisconnect: 'cancel_unless_keyed',
  } as const;
  return { call, request };
}

async function targetOf(api: ApiContext, call: Call, message: DeepChatMessage): Promise<RunTarget> {
  const { earlier, incoming } = message;
  requireConfigSize(api, message.threadConfig);
  const threadConfig = configBy(call.principal, message.threadConfig, 'deep-chat');
  const contactId = contactOf(call, contactInQuery(call) ?? message.contactId);
  const threadId = threadHeader(call) ?? message.threadId;
  if (threadId !== undefined) {
    return { thread: namedThread(api, call, { threadId, contactId }) };
  }
  if (contactId !== undefined) return { thread: { kind: 'latest', contactId, threadConfig } };
  // Strangers must not share a thread: each of their messages makes a new one, with the history of its page.
  return threadOfHistory(api.app, {
    contactId: nobody(`deep-chat:${randomUUIDv7()}`),
    chatId: undefined,
    earlier,
    message: String(incoming.data['content']),
    threadConfig,
    receivedAt: call.receivedAt,
    trusted: false,
  });
}

/** The call, its body read: JSON, or a form with files. Any page on the web can send plain text here. */
async function received(
  api: ApiContext,
  call: Call,
): Promise<{ readonly call: Call; readonly message: DeepChatMessage }> {
  const contentType = call.request.headers.get('content-type') ?? '';
  if (isFormType(contentType)) {
    const { body, files, whole } = await readSentForm(api, call);
    const read = { ...call, body: async () => whole };
    const message = await orDiscard(api, files, () => decode(body));
    return { call: read, message: { ...message, sentFiles: [...message.sentFiles, ...files] } };
  }
  if (!isJsonType(contentType)) throw notJson();
  return { call, message: decode(await call.body()) };
}

/** Files that were stored while they arrived go when their message is refused. */
async function orDiscard<T>(
  { app }: ApiContext,
  files: readonly SentFile[],
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await new MessageUploads(app, files).discard(error);
    throw error;
  }
}

function refuse(error: HttpError, call: RefusedCall): Response {
  return json(call, encodeError(error), error.status);
}
