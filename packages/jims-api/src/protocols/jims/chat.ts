import { newEvent } from 'jims-core';
import type { Run, RunPosition } from 'jims-core';

import { configBy } from '../../chat/client-config.ts';
import { answerRun, namedThread, streamRun } from '../../chat/run-routes.ts';
import type { RunAsk } from '../../chat/run-routes.ts';
import { tellOptions, visibleTo } from '../../chat/said.ts';
import { bodyWithContact, contactOf } from '../../http/contact.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { chatResponse } from './chat-response.ts';
import { chatFrames } from './chat-stream.ts';
import { positionOf } from './event-ids.ts';
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
  // A client that asks for nothing new gets the original's bytes: no ids either.
  const numbered = include.size > 0;
  const seen = numbered ? seenBefore(call) : undefined;
  const options = { ...tellOptions(api, call), include, numbered };
  return streamRun(api, call, toAsk(api, call, request), (run) =>
    chatFrames(run, { ...options, after: seen && positionIn(run, seen) }),
  );
}

/** What the client has seen of the stream that it requests once more, by its key. */
function seenBefore({ request: { headers } }: Call): RunPosition | undefined {
  const id = headers.has('idempotency-key') && headers.get('last-event-id');
  return id ? positionOf(id) : undefined;
}

/** Where to go on in a run that was there before. An end that was seen is sent again: it says stop. */
function positionIn(run: Run, seen: RunPosition): RunPosition | undefined {
  if (!run.replayed && run.attempt === 1) return undefined;
  const { endPosition: end } = run;
  const isSeen = end && end.attempt === seen.attempt && seen.seq >= end.seq;
  return isSeen ? { ...end, seq: end.seq - 1 } : seen;
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
