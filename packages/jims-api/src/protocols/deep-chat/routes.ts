import { randomUUIDv7 } from 'node:crypto';

import { contactHeader, contactOf, nobody } from '../../http/contact.ts';
import { HttpError } from '../../http/errors.ts';
import { threadOfHistory } from '../../http/history-thread.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, Protocol, RefusedCall } from '../../http/route.ts';
import { answerRun, namedThread, streamRun, threadHeader } from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { requireConfigSize } from '../../http/sent-sizes.ts';
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
    refuseFiles(call);
    const message = decode(await call.body());
    const thread = await threadOf(call, message);
    // Closing the connection is Deep Chat's stop button.
    return { thread, incoming: message.incoming, onDisconnect: 'cancel' };
  }

  async function threadOf(call: Call, message: DeepChatMessage): Promise<RunAsk['thread']> {
    const { threadConfig, earlier, incoming } = message;
    requireConfigSize(api, threadConfig);
    const contactId = contactOf(call, contactHeader(call) ?? message.contactId);
    const threadId = threadHeader(call) ?? message.threadId;
    if (threadId !== undefined) return namedThread(api, call, { threadId, contactId });
    if (contactId !== undefined) return { kind: 'latest', contactId, threadConfig };
    // Strangers must not meet in one thread: each message of theirs has what its page sends with it.
    return threadOfHistory(api.app, {
      contactId: nobody(`deep-chat:${randomUUIDv7()}`),
      chatId: undefined,
      earlier,
      message: String(incoming.data['content']),
      threadConfig,
    });
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

function refuseFiles({ request }: Call): void {
  if (!request.headers.get('content-type')?.startsWith('multipart/')) return;
  throw new HttpError(415, 'Files are not supported, only text', { code: 'files_not_supported' });
}

function refuse(error: HttpError, call: RefusedCall): Response {
  return json(call, encodeError(error), error.status);
}
