import { JimsError } from 'jims-core';
import type { AgentStatus, ListenOptions, NewEvent, Run, RunEnd } from 'jims-core';
import { textPieces } from 'jims-core/host';

import { assistantText } from './messages.ts';

/** A run for protocols that tell messages piece by piece: each text begins, grows and ends once. */
export type ToldEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text_start' | 'text_end'; readonly messageId: string }
  | TextDelta
  /** Any event that was sent, a message too, after its text has ended. */
  | { readonly type: 'event'; readonly event: NewEvent }
  | RunEnd;

interface TextDelta {
  readonly type: 'text_delta';
  readonly messageId: string;
  readonly delta: string;
  /** How many pieces of the pipeline's this is, put together. */
  readonly pieces: number;
  /** The message that ends with this piece, where that is known: not while it is streamed. */
  readonly ends?: NewEvent | undefined;
}

const RESTARTED =
  'The run was interrupted and started again: what came before does not count, read it again';

/**
 * A run from its beginning to its one last event, nothing missing: of a run that is over, or that
 * another process runs, some events and the last of a text are known by its outcome alone; they come
 * before its end. A message that was not streamed comes in pieces when it is long, an empty one in
 * none. After an error texts stay open. A run that is lost and runs again after something was sent
 * ends with the error `restarted`: no client of these protocols could take back what it shows.
 */
export async function* toldRun(
  run: Pick<Run, 'listen'>,
  options: Omit<ListenOptions, 'after'> = {},
): AsyncGenerator<ToldEvent, void, void> {
  let seq = 0;
  const told = new Set<string>();
  /** How much of each text was told. */
  const open = new Map<string, number>();

  function* piece(text: Omit<TextDelta, 'type'>): Generator<ToldEvent> {
    const { messageId, delta } = text;
    if (!open.has(messageId)) yield { type: 'text_start', messageId };
    open.set(messageId, (open.get(messageId) ?? 0) + delta.length);
    yield { type: 'text_delta', ...text };
  }

  function* end(messageId: string): Generator<ToldEvent> {
    if (open.delete(messageId)) yield { type: 'text_end', messageId };
  }

  function* whole(event: NewEvent): Generator<ToldEvent> {
    told.add(event.id);
    const { id: messageId } = event;
    const rest = assistantText(event)?.slice(open.get(messageId) ?? 0);
    const deltas = rest ? textPieces(rest) : [];
    for (const [index, delta] of deltas.entries()) {
      const ends = index === deltas.length - 1 ? event : undefined;
      yield* piece({ messageId, delta, pieces: 1, ends });
    }
    yield* end(messageId);
    yield { type: 'event', event };
  }

  /** What is known by the outcome alone. */
  function* left(outcome: Outcome): Generator<ToldEvent> {
    for (const each of eventsOf(outcome).filter(({ id }) => !told.has(id))) yield* whole(each);
    for (const messageId of open.keys()) yield* end(messageId);
  }

  for await (const event of run.listen(options)) {
    if (event.type === 'restarted') {
      if (seq === 0) continue;
      yield { type: 'error', error: new JimsError('restarted', RESTARTED) };
      return;
    }
    const places = event.seq - seq;
    seq = event.seq;
    switch (event.type) {
      case 'status':
      case 'error':
        yield event;
        break;
      case 'delta':
        yield* piece({ messageId: event.messageId, delta: event.delta, pieces: places });
        break;
      case 'event':
        yield* whole(event.event);
        break;
      case 'result':
      case 'cancelled':
        yield* left(event);
        yield event;
        break;
    }
  }
}

type Outcome = RunEnd & { readonly type: 'result' | 'cancelled' };

function eventsOf(end: Outcome): readonly NewEvent[] {
  return end.type === 'result' ? end.result.events : end.events;
}
