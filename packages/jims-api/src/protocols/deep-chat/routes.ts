import { randomUUIDv7 } from 'node:crypto';

import { configBy } from '../../chat/client-config.ts';
import { threadOfHistory } from '../../chat/history-thread.ts';
import { answerRun, namedThread, streamRun, threadHeader } from '../../chat/run-routes.ts';
import type { RunAsk } from '../../chat/run-routes.ts';
import { requireConfigSize } from '../../chat/sent-sizes.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { HttpError, notJson } from '../../http/errors.ts';
import { isJsonType } from '../../http/json-body.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, Protocol, RefusedCall } from '../../http/route.ts';
import { decode } from './decode.ts';
import type { DeepChatMessage } from './decode.ts';
import { encodeError, encodeResult, encodeStream } from './encode.ts';
import { deepChatOperations } from './operations.ts';

/** The protocol of the web component Deep Chat (`connect`). */
export function deepChatProtocol(api: ApiContext): Protocol {
  async function answer(call: Call): Promise<Response> {
    return answerRun(api, call, await askOf(call), (_, result) => encodeResult(result));
  }

  async function stream(call: Call): Promise<Response> {
    const { requestId } = call;
    const { exposeErrors } = api;
    const ask = await askOf(call);
    return streamRun(api, call, ask, (run) => encodeStream(run, { requestId, exposeErrors }));
  }

  async function askOf(call: Call): Promise<RunAsk> {
    requireJson(call);
    const message = decode(await call.body());
    const thread = await threadOf(call, message);
    // Closing the connection is Deep Chat's stop button.
    return { thread, incoming: message.incoming, onDisconnect: 'cancel' };
  }

  async function threadOf(call: Call, message: DeepChatMessage): Promise<RunAsk['thread']> {
    const { earlier, incoming } = message;
    requireConfigSize(api, message.threadConfig);
    const threadConfig = configBy(call.principal, message.threadConfig, 'deep-chat');
    const contactId = contactOf(call, contactInQuery(call) ?? message.contactId);
    const threadId = threadHeader(call) ?? message.threadId;
    if (threadId !== undefined) return namedThread(api, call, { threadId, contactId });
    if (contactId !== undefined) return { kind: 'latest', contactId, threadConfig };
    // Strangers must not meet in one thread: each message of theirs has what its page sends with it.
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

  return {
    name: 'deep-chat',
    operations: deepChatOperations,
    routes: [
      { method: 'POST', path: '/deep-chat', handle: answer, encodeError: refuse },
      { method: 'POST', path: '/deep-chat/stream', handle: stream, encodeError: refuse },
    ],
  };
}

/** Files come as a form; and a form, or plain text, is what any page can send here. */
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
