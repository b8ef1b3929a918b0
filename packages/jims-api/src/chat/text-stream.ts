import { JimsError } from 'jims-core';
import type {
  AgentStatus,
  ListenOptions,
  NewEvent,
  NumberedRunEvent,
  RunEnd,
  StepNews,
} from 'jims-core';
import { textPieces } from 'jims-core/host';

import { Expansion } from '../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../http/sse/ready-iterator.ts';
import { assistantText } from './messages.ts';

/** A run for protocols that send messages piece by piece: the text of each begins, grows and ends once. */
export type TextEvent = StepEvent | PlainTextEvent;

interface StepEvent {
  readonly type: 'step';
  readonly step: TitledStep;
}

/** As {@link TextEvent}, where there is nothing for steps. */
export type PlainTextEvent =
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

/** What everybody may see of a step. */
export interface TitledStep {
  /** Its number among the titled steps of its run, from 1 on: its own id holds its name. */
  readonly number: number;
  readonly title: string;
  readonly status: StepNews['status'];
}

const RESTARTED =
  'The run was interrupted and started again: what came before does not count, read it again';

/**
 * A run from its beginning to its one last event, nothing missing: of a run that is over, or that
 * another process runs, some events and the last part of a message are only known from its outcome; they
 * come before its end. A long message that was not streamed comes in pieces, an empty one in none.
 * Steps without a title are left out; each of the others begins and ends once. After an error texts
 * stay open. A run that is lost and runs again after something was sent ends with
 * the error `restarted`: no client of these protocols could take back what it shows.
 */
export function textEvents(
  run: Listenable,
  options: Omit<ListenOptions, 'after'> = {},
): ReadyIterable<TextEvent> {
  return read(run, options, (step): StepEvent[] => [{ type: 'step', step }]);
}

/** As {@link textEvents}, each step as the status that says what it does. */
export function plainTextEvents(
  run: Listenable,
  options: Omit<ListenOptions, 'after'> = {},
): ReadyIterable<PlainTextEvent> {
  return read(run, options, ({ title, status }): PlainTextEvent[] =>
    status === 'running'
      ? [{ type: 'status', status: { message: title, statusType: 'step' } }]
      : [],
  );
}

function read<S extends TextEvent>(
  run: Listenable,
  options: Omit<ListenOptions, 'after'>,
  stepEvents: (step: TitledStep) => S[],
): ReadyIterable<PlainTextEvent | S> {
  const reader = new TextReader(stepEvents);
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
class TextReader<S extends TextEvent> {
  readonly #stepEvents: (step: TitledStep) => S[];
  /** Number of the last event. */
  #seq = 0;
  /** Ids of the events that were sent. */
  readonly #sent = new Set<string>();
  /** How much was sent of each message that is not at its end. */
  readonly #open = new Map<string, number>();
  /** The titled steps that have begun, by their ids. */
  readonly #steps = new Map<string, TitledStep>();

  constructor(stepEvents: (step: TitledStep) => S[]) {
    this.#stepEvents = stepEvents;
  }

  read(event: NumberedRunEvent): Iterable<PlainTextEvent | S> {
    if (event.type === 'restarted') return this.#restarted();
    const pieces = event.seq - this.#seq;
    this.#seq = event.seq;
    switch (event.type) {
      case 'status':
        return [event];
      case 'error':
        return [...this.#endOfSteps(), event];
      case 'delta':
        return this.#piece({ messageId: event.messageId, delta: event.delta, pieces });
      case 'step':
        return this.#step(event.step);
      case 'event':
        return this.#whole(event.event);
      case 'result':
      case 'cancelled':
        return this.#outcome(event);
    }
  }

  #restarted(): Iterable<PlainTextEvent> {
    if (this.#seq === 0) return [];
    return [{ type: 'error', error: new JimsError('restarted', RESTARTED) }];
  }

  #step({ id, title, status }: StepNews): S[] {
    const known = this.#steps.get(id);
    if (title === undefined || (known && known.status !== 'running')) return [];
    const step = { number: known?.number ?? this.#steps.size + 1, title, status };
    this.#steps.set(id, step);
    const end = this.#stepEvents(step);
    if (known || status === 'running') return end;
    return [...this.#stepEvents({ ...step, status: 'running' }), ...end];
  }

  #piece(text: Omit<TextDelta, 'type'>): PlainTextEvent[] {
    const { messageId, delta } = text;
    const sent = this.#open.get(messageId);
    this.#open.set(messageId, (sent ?? 0) + delta.length);
    const piece = { type: 'text_delta', ...text } as const;
    return sent === undefined ? [{ type: 'text_start', messageId }, piece] : [piece];
  }

  *#whole(event: NewEvent): Generator<PlainTextEvent> {
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
  *#outcome(end: Outcome): Generator<PlainTextEvent | S> {
    for (const event of eventsOf(end)) if (!this.#sent.has(event.id)) yield* this.#whole(event);
    for (const messageId of this.#open.keys()) yield* this.#endOf(messageId);
    yield* this.#endOfSteps();
    yield end;
  }

  /** Those that were stopped with their run. */
  *#endOfSteps(): Generator<S> {
    for (const step of this.#steps.values()) {
      if (step.status === 'running') yield* this.#stepEvents({ ...step, status: 'failed' });
    }
  }

  #endOf(messageId: string): PlainTextEvent[] {
    return this.#open.delete(messageId) ? [{ type: 'text_end', messageId }] : [];
  }
}

function eventsOf(end: Outcome): readonly NewEvent[] {
  return end.type === 'result' ? end.result.events : end.events;
}
