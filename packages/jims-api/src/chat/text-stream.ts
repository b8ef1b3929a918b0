import { JimsError } from 'jims-core';
import type { AgentStatus, ListenOptions, NewEvent, NumberedRunEvent, RunEnd } from 'jims-core';
import { textPieces } from 'jims-core/host';

import { Expansion } from '../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../http/sse/ready-iterator.ts';
import { assistantText } from './messages.ts';

/** A run for protocols that send messages piece by piece: the text of each begins, grows and ends once. */
export type TextEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text_start' | 'text_end'; readonly messageId: string }
  | TextDelta
  /** Any event that was sent, a message too, after its text has ended. */
  | { readonly type: 'event'; readonly event: NewEvent }
  | RunEnd;

export interface TextDelta {
  readonly type: 'text_delta';
  readonly messageId: string;
  readonly delta: string;
  /** How many of the pipeline's pieces are joined in this one. */
  readonly pieces: number;
  /** The message that ends with this piece, where that is known: not while it is streamed. */
  readonly ends?: NewEvent | undefined;
}

const RESTARTED =
  'The run was interrupted and started again: what came before does not count, read it again';

/**
 * A run from its beginning to its one last event, nothing missing: of a run that is over, or that
 * another process runs, some events and the last part of a message are only known from its outcome; they
 * come before its end. A long message that was not streamed comes in pieces, an empty one in none.
 * After an error texts stay open. A run that is lost and runs again after something was sent ends with
 * the error `restarted`: no client of these protocols could take back what it shows.
 */
export function textEvents(
  run: Listenable,
  options: Omit<ListenOptions, 'after'> = {},
): ReadyIterable<TextEvent> {
  const reader = new TextReader();
  return new Expansion(run.listen(options), (event) => reader.read(event), { isLast: isEnd });
}

/** A run, or what stands for one. */
export interface Listenable {
  listen(options?: ListenOptions): ReadyIterable<NumberedRunEvent>;
}

/** True for the last event of a run. */
export function isEnd(event: TextEvent): event is RunEnd {
  return event.type === 'result' || event.type === 'error' || event.type === 'cancelled';
}

type Outcome = RunEnd & { readonly type: 'result' | 'cancelled' };

/** What each event of a run is, given those before it. */
class TextReader {
  /** Number of the last event. */
  #seq = 0;
  /** Ids of the events that were sent. */
  readonly #sent = new Set<string>();
  /** How much was sent of each message that is not at its end. */
  readonly #open = new Map<string, number>();

  read(event: NumberedRunEvent): Iterable<TextEvent> {
    if (event.type === 'restarted') return this.#restarted();
    const pieces = event.seq - this.#seq;
    this.#seq = event.seq;
    switch (event.type) {
      case 'status':
      case 'error':
        return [event];
      case 'step':
        return [];
      case 'delta':
        return this.#piece({ messageId: event.messageId, delta: event.delta, pieces });
      case 'event':
        return this.#whole(event.event);
      case 'result':
      case 'cancelled':
        return this.#outcome(event);
    }
  }

  #restarted(): Iterable<TextEvent> {
    if (this.#seq === 0) return [];
    return [{ type: 'error', error: new JimsError('restarted', RESTARTED) }];
  }

  #piece(text: Omit<TextDelta, 'type'>): TextEvent[] {
    const { messageId, delta } = text;
    const sent = this.#open.get(messageId);
    this.#open.set(messageId, (sent ?? 0) + delta.length);
    const piece = { type: 'text_delta', ...text } as const;
    return sent === undefined ? [{ type: 'text_start', messageId }, piece] : [piece];
  }

  *#whole(event: NewEvent): Generator<TextEvent> {
    this.#sent.add(event.id);
    const { id: messageId } = event;
    const rest = assistantText(event)?.slice(this.#open.get(messageId) ?? 0);
    const deltas = rest ? textPieces(rest) : [];
    for (const [index, delta] of deltas.entries()) {
      const ends = index === deltas.length - 1 ? event : undefined;
      yield* this.#piece({ messageId, delta, pieces: 1, ends });
    }
    yield* this.#endOf(messageId);
    yield { type: 'event', event };
  }

  /** The end, and before it what is only known from it. */
  *#outcome(end: Outcome): Generator<TextEvent> {
    for (const event of eventsOf(end)) if (!this.#sent.has(event.id)) yield* this.#whole(event);
    for (const messageId of this.#open.keys()) yield* this.#endOf(messageId);
    yield end;
  }

  #endOf(messageId: string): TextEvent[] {
    return this.#open.delete(messageId) ? [{ type: 'text_end', messageId }] : [];
  }
}

function eventsOf(end: Outcome): readonly NewEvent[] {
  return end.type === 'result' ? end.result.events : end.events;
}
