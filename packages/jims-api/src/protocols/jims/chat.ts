import { newEvent } from 'jims-core';

import { configBy } from '../../http/client-config.ts';
import { bodyWithContact, contactOf } from '../../http/contact.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { answerRun, namedThread, streamRun } from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { tellOptions, visibleTo } from '../../http/said.ts';
import { chatResponse } from './chat-response.ts';
import { chatFrames } from './chat-stream.ts';
import { includedFor, parseChatRequest } from './schemas.ts';
import type { ChatRequest } from './schemas.ts';

/** `POST /api/v1/chat`: one message in, the answer out. */
export async function chat(api: ApiContext, call: Call): Promise<Response> {
  const request = parseChatRequest(await bodyWithContact(call), api);
  const include = includedFor(call, request.include);
  const options = { include, sees: visibleTo(call.principal) };
  return answerRun(api, call, toAsk(api, call, request), (run, result) =>
    chatResponse(run, result, options),
  );
}

/** `POST /api/v1/chat/stream`: the same as a stream of the run. */
export async function chatStream(api: ApiContext, call: Call): Promise<Response> {
  const request = parseChatRequest(await bodyWithContact(call), api);
  const include = includedFor(call, request.include);
  // Whoever asks for nothing new gets the original's bytes: no ids either.
  const options = { ...tellOptions(api, call), include, numbered: include.size > 0 };
  return streamRun(api, call, toAsk(api, call, request), (run) => chatFrames(run, options));
}

/** The contact's latest thread, or the one that is named. */
function toAsk(api: ApiContext, call: Call, request: ChatRequest): RunAsk {
  const { message, threadId, threadConfig, eventType, runConversationStart } = request;
  const contactId = contactOf(call, request.contactId) ?? request.contactId;
  return {
    thread:
      threadId === undefined
        ? { kind: 'latest', contactId, threadConfig: configBy(call.principal, threadConfig, 'api') }
        : namedThread(api, call, { threadId, contactId }),
    incoming: newEvent(eventType, { role: 'user', content: message }),
    conversationStart: runConversationStart,
    onBusy: request.onBusy,
    timeoutMs: request.timeoutMs,
    onDisconnect: request.onDisconnect,
  };
}
