import { randomUUIDv7 } from 'node:crypto';

import { answerRun } from '../../chat/answer-run.ts';
import { configBy } from '../../chat/client-config.ts';
import { threadOfHistory } from '../../chat/client-history.ts';
import { pageFileAddress } from '../../chat/file-address.ts';
import { namedThread, threadHeader } from '../../chat/named-thread.ts';
import { requireConfigSize } from '../../chat/sent-limits.ts';
import { isReachedAgain } from '../../chat/start-run.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { streamRun } from '../../chat/stream-run.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { HttpError, notJson } from '../../http/errors.ts';
import { json } from '../../http/json-answer.ts';
import { isJsonType } from '../../http/json-body.ts';
import type { ApiContext, Call, ErrorStatus, Protocol, RefusedCall } from '../../http/route.ts';
import { DeepChatBody, decode } from './decode.ts';
import type { DeepChatMessage } from './decode.ts';
import { encodeError, encodeResult, encodeStream } from './encode.ts';

const tags = ['deep-chat'];
const errors: readonly ErrorStatus[] = [400, 401, 404, 409, 413, 422, 429, 503];

/** The protocol of the web component Deep Chat (`connect`). */
export const deepChatProtocol: Protocol = {
  routes: [
    {
      method: 'POST',
      path: '/deep-chat',
      doc: {
        operationId: 'deep_chat',
        summary: 'For Deep Chat: connect.url',
        tags,
        request: DeepChatBody,
        responses: {
          200: { description: 'One message or a list of them', example: { text: 'Hello' } },
        },
        errors: [...errors, 500, 504],
      },
      encodeError: refuse,
      handle: answer,
    },
    {
      method: 'POST',
      path: '/deep-chat/stream',
      doc: {
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
      },
      encodeError: refuse,
      handle: stream,
    },
  ],
};

async function answer(api: ApiContext, call: Call): Promise<Response> {
  return answerRun(api, call, await requestOf(api, call), (_, result) =>
    encodeResult(result, pageFileAddress(api)),
  );
}

async function stream(api: ApiContext, call: Call): Promise<Response> {
  const { requestId } = call;
  const { exposeErrors } = api;
  const addressOf = pageFileAddress(api);
  const request = await requestOf(api, call);
  return streamRun(api, call, request, (run) =>
    encodeStream(run, { requestId, exposeErrors, addressOf }),
  );
}

async function requestOf(api: ApiContext, call: Call): Promise<ClientRunRequest> {
  requireJson(call);
  const message = decode(await call.body());
  const thread = await threadOf(api, call, message);
  return {
    thread,
    incoming: message.incoming,
    canAnswer: isReachedAgain(thread),
    // Closing the connection is Deep Chat's stop button.
    onDisconnect: 'cancel',
  };
}

async function threadOf(
  api: ApiContext,
  call: Call,
  message: DeepChatMessage,
): Promise<ClientRunRequest['thread']> {
  const { earlier, incoming } = message;
  requireConfigSize(api, message.threadConfig);
  const threadConfig = configBy(call.principal, message.threadConfig, 'deep-chat');
  const contactId = contactOf(call, contactInQuery(call) ?? message.contactId);
  const threadId = threadHeader(call) ?? message.threadId;
  if (threadId !== undefined) return namedThread(api, call, { threadId, contactId });
  if (contactId !== undefined) return { kind: 'latest', contactId, threadConfig };
  // Strangers must not share a thread: each of their messages makes a new one, with the history of its page.
  const { thread } = await threadOfHistory(api.app, {
    contactId: nobody(`deep-chat:${randomUUIDv7()}`),
    chatId: undefined,
    earlier,
    message: String(incoming.data['content']),
    threadConfig,
    receivedAt: call.receivedAt,
    trusted: false,
  });
  return thread;
}

/** Files come as a form; and any page on the web can send a form or plain text here. */
function requireJson({ request }: Call): void {
  const contentType = request.headers.get('content-type') ?? '';
  if (contentType.startsWith('multipart/')) {
    throw new HttpError(415, 'Files are not supported, only text', { code: 'files_not_supported' });
  }
  if (!isJsonType(contentType)) throw notJson();
}

function refuse(error: HttpError, call: RefusedCall): Response {
  return json(call, encodeError(error), error.status);
}
