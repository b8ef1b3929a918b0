import { isInternalEvent, newEvent } from 'jims-core';
import type { Run, RunResult, ThreadEvent } from 'jims-core';

import type { ApiContext, Call } from '../../http/route.ts';
import type { ChatRequest, ChatResponse } from './schemas.ts';

/** Starts the run of a chat request: the contact's latest thread, or the one it names. */
export function startChat(
  { app, sharedThreads }: ApiContext,
  chat: ChatRequest,
  { requestId, principal }: Call,
): Promise<Run> {
  const { contactId, message, threadId, threadConfig, eventType } = chat;
  const shared = sharedThreads && principal.kind === 'service';
  return app.startRun({
    thread:
      threadId === undefined
        ? { kind: 'latest', contactId, threadConfig }
        : { kind: 'thread', threadId, ...(!shared && { contactId }) },
    incoming: newEvent(eventType, { role: 'user', content: message }),
    conversationStart: chat.runConversationStart,
    requestId,
  });
}

/** The answer to a chat request: the original's members, and what was asked for by `include`. */
export function chatResponse(chat: ChatRequest, run: Run, result: RunResult): ChatResponse {
  return {
    thread_id: run.thread.id,
    created_new_thread: run.createdThread,
    ...said(result.events),
    ...(chat.include.has('start') && { start: said(result.startEvents) }),
  };
}

/** What the outside may see of a run's events. Messages with buttons are in `events` alone. */
function said(sent: readonly ThreadEvent[]): Pick<ChatResponse, 'assistant_messages' | 'events'> {
  return {
    assistant_messages: sent
      .filter((event) => event.type === 'comm.assistant_message')
      .map((event) => String(event.data['content'])),
    events: sent
      .filter((event) => !isInternalEvent(event.type))
      .map((event) => ({ event_type: event.type, event_data: event.data })),
  };
}
