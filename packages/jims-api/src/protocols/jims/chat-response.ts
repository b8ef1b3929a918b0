import type { Run, RunResult, ThreadEvent } from 'jims-core';

import { usageOnWire } from '../../chat/usage.ts';
import type { Sees } from '../../chat/visibility.ts';
import type { ChatResponse, Include } from './schemas.ts';

/** The answer to a chat request: the original's members, and those that `include` names. */
export function chatResponse(
  run: Run,
  result: RunResult,
  { include, sees }: { readonly include: ReadonlySet<Include>; readonly sees: Sees },
): ChatResponse {
  return {
    thread_id: run.thread.id,
    created_new_thread: run.createdThread,
    ...said(result.events, sees),
    ...(include.has('start') && { start: said(result.startEvents, sees) }),
    ...(include.has('usage') && { usage: (result.usage ?? []).map(usageOnWire) }),
  };
}

/** The events of a run that a caller may see. Messages with buttons are in `events` only. */
export function said(
  sent: readonly ThreadEvent[],
  sees: Sees,
): Pick<ChatResponse, 'assistant_messages' | 'events'> {
  return {
    assistant_messages: sent
      .filter((event) => event.type === 'comm.assistant_message')
      .map((event) => String(event.data['content'])),
    events: sent
      .filter((event) => sees(event.type))
      .map((event) => ({ event_type: event.type, event_data: event.data })),
  };
}
