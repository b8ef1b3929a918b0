import type { AgentStatus, NewEvent, Run, RunEnd, RunEvent } from 'jims-core';

import { assistantText } from './said.ts';

/** A run for protocols that tell messages piece by piece: each text begins, grows and ends once. */
export type ToldEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text_start' | 'text_end'; readonly messageId: string }
  | { readonly type: 'text_delta'; readonly messageId: string; readonly delta: string }
  /** Any event that was sent, a message too, after its text has ended. */
  | { readonly type: 'event'; readonly event: NewEvent }
  | RunEnd;

/**
 * A run from its beginning to its one last event, nothing missing: of a run that is over, or that
 * another process runs, some events and the last of a text are known by its outcome alone; they come
 * before its end. A message that was not streamed is one piece, an empty one none. After an error
 * texts stay open.
 */
export async function* toldRun(run: Run): AsyncGenerator<ToldEvent, void, void> {
  const told = new Set<string>();
  /** How much of each text was told. */
  const open = new Map<string, number>();

  function* piece(messageId: string, delta: string): Generator<ToldEvent> {
    if (!open.has(messageId)) yield { type: 'text_start', messageId };
    open.set(messageId, (open.get(messageId) ?? 0) + delta.length);
    yield { type: 'text_delta', messageId, delta };
  }

  function* end(messageId: string): Generator<ToldEvent> {
    if (open.delete(messageId)) yield { type: 'text_end', messageId };
  }

  function* whole(event: NewEvent): Generator<ToldEvent> {
    told.add(event.id);
    const rest = assistantText(event)?.slice(open.get(event.id) ?? 0);
    if (rest) yield* piece(event.id, rest);
    yield* end(event.id);
    yield { type: 'event', event };
  }

  for await (const event of run.listen()) {
    switch (event.type) {
      case 'status':
        yield event;
        break;
      case 'delta':
        yield* piece(event.messageId, event.delta);
        break;
      case 'event':
        yield* whole(event.event);
        break;
      case 'result':
      case 'cancelled':
        for (const each of eventsOf(event).filter(({ id }) => !told.has(id))) yield* whole(each);
        for (const messageId of open.keys()) yield* end(messageId);
        yield event;
        break;
      case 'error':
        yield event;
        break;
    }
  }
}

function eventsOf(end: RunEvent & { type: 'result' | 'cancelled' }): readonly NewEvent[] {
  return end.type === 'result' ? end.result.events : end.events;
}
