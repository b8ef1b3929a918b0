import { JimsError } from 'jims-core';
import type { AgentStatus, ListenOptions, NewEvent, Run, RunEnd, RunEvent } from 'jims-core';

import { assistantText } from './said.ts';

/** A run for protocols that tell messages piece by piece: each text begins, grows and ends once. */
export type ToldEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text_start' | 'text_end'; readonly messageId: string }
  | {
      readonly type: 'text_delta';
      readonly messageId: string;
      readonly delta: string;
      /** How many pieces of the pipeline's this is, put together. */
      readonly pieces: number;
    }
  /** Any event that was sent, a message too, after its text has ended. */
  | { readonly type: 'event'; readonly event: NewEvent }
  | RunEnd;

/**
 * A run from its beginning to its one last event, nothing missing: of a run that is over, or that
 * another process runs, some events and the last of a text are known by its outcome alone; they come
 * before its end. A message that was not streamed is one piece, an empty one none. After an error
 * texts stay open. A run that is lost and runs again after something was told ends with the error
 * `restarted`: no client of these protocols could take back what it shows.
 */
export async function* toldRun(
  run: Pick<Run, 'listen'>,
  options: Omit<ListenOptions, 'after'> = {},
): AsyncGenerator<ToldEvent, void, void> {
  let seq = 0;
  let hasTold = false;
  const told = new Set<string>();
  /** How much of each text was told. */
  const open = new Map<string, number>();

  function* piece(messageId: string, delta: string, pieces: number): Generator<ToldEvent> {
    if (!open.has(messageId)) yield { type: 'text_start', messageId };
    open.set(messageId, (open.get(messageId) ?? 0) + delta.length);
    yield { type: 'text_delta', messageId, delta, pieces };
  }

  function* end(messageId: string): Generator<ToldEvent> {
    if (open.delete(messageId)) yield { type: 'text_end', messageId };
  }

  function* whole(event: NewEvent): Generator<ToldEvent> {
    told.add(event.id);
    const rest = assistantText(event)?.slice(open.get(event.id) ?? 0);
    if (rest) yield* piece(event.id, rest, 1);
    yield* end(event.id);
    yield { type: 'event', event };
  }

  for await (const event of run.listen(options)) {
    const places = event.seq - seq;
    seq = event.seq;
    if (event.type === 'restarted' && hasTold) {
      yield { type: 'error', error: restarted() };
      return;
    }
    hasTold ||= event.type !== 'restarted';
    switch (event.type) {
      case 'restarted':
        break;
      case 'status':
        yield event;
        break;
      case 'delta':
        yield* piece(event.messageId, event.delta, places);
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

function restarted(): JimsError {
  return new JimsError(
    'restarted',
    'The run was interrupted and started again: what came before does not count, read it again',
  );
}

function eventsOf(end: RunEvent & { type: 'result' | 'cancelled' }): readonly NewEvent[] {
  return end.type === 'result' ? end.result.events : end.events;
}
