import { JimsError } from 'jims-core';
import type {
  AgentStatus,
  ListenOptions,
  MessageFile,
  MessageSource,
  NewEvent,
  NumberedRunEvent,
  RunEnd,
} from 'jims-core';
import { textPieces } from 'jims-core/host';

import { Expansion } from '../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../http/sse/ready-iterator.ts';
import { filesOf, reasoningOf, sourcesOf } from './message-members.ts';
import { assistantText } from './messages.ts';
import { WorkReader } from './work-reader.ts';
import type { WorkEvent } from './work-reader.ts';

/** A run for protocols that send messages piece by piece: the text of each begins, grows and ends once. */
export type TextEvent = WorkEvent | PlainTextEvent;

/** As {@link TextEvent}, where there is nothing for steps and tools. */
export type PlainTextEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  | { readonly type: 'text_start' | 'text_end'; readonly messageId: string }
  | TextDelta
  /** What a model thinks for a message, before its text or between its pieces: each begins and ends once. */
  | { readonly type: 'reasoning_start' | 'reasoning_end'; readonly reasoningId: string }
  | ReasoningDelta
  /** Each once, after the beginning of the text of its message and before its event. */
  | { readonly type: 'source'; readonly messageId: string; readonly source: MessageSource }
  | { readonly type: 'file'; readonly messageId: string; readonly file: MessageFile }
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
  /** The message, where it was not streamed. */
  readonly whole?: NewEvent | undefined;
}

export interface ReasoningDelta {
  readonly type: 'reasoning_delta';
  readonly reasoningId: string;
  readonly delta: string;
  /** How many of the pipeline's pieces are joined in this one. */
  readonly pieces: number;
}

export interface TextOptions extends Omit<ListenOptions, 'after'> {
  /** Whether the caller sees what tools do; default false. */
  readonly seesWork?: boolean;
}

const RESTARTED =
  'The run was interrupted and started again: what came before does not count, read it again';

/**
 * A run from its beginning to its one last event, nothing missing: of a run that is over, or that
 * another process runs, some events and the last part of a message are only known from its outcome; they
 * come before its end. A long message that was not streamed comes in pieces, an empty one in none.
 * Steps and tools without a title are left out; each of the others begins and ends once. After an error
 * texts stay open. A run that is lost and runs again after something was sent ends with
 * the error `restarted`: no client of these protocols could take back what it shows.
 */
export function textEvents(run: Listenable, options: TextOptions = {}): ReadyIterable<TextEvent> {
  return read(run, options, (event): WorkEvent[] => [event]);
}

/** As {@link textEvents}, each step and tool as the status that says what it does. */
export function plainTextEvents(
  run: Listenable,
  options: TextOptions = {},
): ReadyIterable<PlainTextEvent> {
  return read(run, options, (event): PlainTextEvent[] => {
    const { title, status } = event.type === 'step' ? event.step : event.tool;
    if (status !== 'running') return [];
    return [{ type: 'status', status: { message: title, statusType: event.type } }];
  });
}

function read<W extends TextEvent>(
  run: Listenable,
  { seesWork = false, ...options }: TextOptions,
  workEvents: (event: WorkEvent) => W[],
): ReadyIterable<PlainTextEvent | W> {
  const reader = new TextReader(new WorkReader(seesWork), workEvents);
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

/** All but those that are read without {@link TextReader}'s generators. */
type RareEvent = Exclude<NumberedRunEvent, { readonly type: 'reasoning' | 'restarted' }>;

type Attachment = Extract<PlainTextEvent, { readonly type: 'source' | 'file' }>;

type Piece = Omit<TextDelta, 'type'>;

type Outcome = RunEnd & { readonly type: 'result' | 'cancelled' };

/** What each event of a run is, given those before it. */
class TextReader<W extends TextEvent> {
  readonly #work: WorkReader;
  readonly #workEvents: (event: WorkEvent) => W[];
  /** Number of the last event. */
  #seq = 0;
  /** Ids of the events that were sent. */
  readonly #sent = new Set<string>();
  /** How much was sent of each message that is not at its end. */
  readonly #open = new Map<string, { sent: number }>();
  /** Which sources and files were sent, by their messages. */
  readonly #names = new Map<string, Set<string>>();
  /** Sources and files that came before the text of their message. */
  readonly #early = new Map<string, readonly Attachment[]>();
  /** The reasoning that is open, and how many there were. */
  #reasoning: { readonly messageId: string; readonly id: string } | undefined;
  #reasonings = 0;
  /** How much was sent of the reasoning of each message. */
  readonly #thoughts = new Map<string, number>();

  constructor(work: WorkReader, workEvents: (event: WorkEvent) => W[]) {
    this.#work = work;
    this.#workEvents = workEvents;
  }

  read(event: NumberedRunEvent): Iterable<PlainTextEvent | W> {
    if (event.type === 'restarted') return this.#restarted();
    const pieces = event.seq - this.#seq;
    this.#seq = event.seq;
    // These are nearly all that is read: a generator for each would cost more than the rest.
    if (event.type === 'reasoning') return this.#thought({ ...event, pieces });
    if (event.type === 'delta' && !this.#reasoning) {
      return this.#piece({ messageId: event.messageId, delta: event.delta, pieces });
    }
    return this.#rare(event, pieces);
  }

  *#rare(event: RareEvent, pieces: number): Generator<PlainTextEvent | W> {
    if (event.type !== 'status') yield* this.#endOfReasoning();
    switch (event.type) {
      case 'status':
        return yield event;
      case 'error':
        return yield* this.#failed(event);
      case 'delta':
        return yield* this.#piece({ ...event, pieces });
      case 'step':
        return yield* this.#shown(this.#work.step(event.step));
      case 'tool':
        return yield* this.#shown(this.#work.tool(event.messageId, event.tool));
      case 'source':
      case 'file':
        return yield* this.#attached(event);
      case 'event':
        return yield* this.#whole(event.event);
      case 'result':
      case 'cancelled':
        return yield* this.#outcome(event);
    }
  }

  *#restarted(): Generator<PlainTextEvent> {
    if (this.#seq > 0) yield { type: 'error', error: new JimsError('restarted', RESTARTED) };
  }

  *#shown(events: Iterable<WorkEvent>): Generator<W> {
    for (const event of events) yield* this.#workEvents(event);
  }

  *#failed(end: RunEnd): Generator<PlainTextEvent | W> {
    yield* this.#shown(this.#work.ends());
    yield end;
  }

  #thought({ messageId, delta, pieces }: Piece): PlainTextEvent[] {
    this.#thoughts.set(messageId, (this.#thoughts.get(messageId) ?? 0) + delta.length);
    const open = this.#reasoning;
    if (open?.messageId === messageId) {
      return [{ type: 'reasoning_delta', reasoningId: open.id, delta, pieces }];
    }
    const ends = this.#endOfReasoning();
    const reasoningId = `reasoning-${++this.#reasonings}`;
    this.#reasoning = { messageId, id: reasoningId };
    const piece = { type: 'reasoning_delta', reasoningId, delta, pieces } as const;
    return [...ends, { type: 'reasoning_start', reasoningId }, piece];
  }

  #endOfReasoning(): PlainTextEvent[] {
    const open = this.#reasoning;
    this.#reasoning = undefined;
    return open ? [{ type: 'reasoning_end', reasoningId: open.id }] : [];
  }

  #piece({ messageId, delta, pieces, ends, whole }: Piece): PlainTextEvent[] {
    const open = this.#open.get(messageId);
    const piece = { type: 'text_delta', messageId, delta, pieces, ends, whole } as const;
    if (open) {
      open.sent += delta.length;
      return [piece];
    }
    this.#open.set(messageId, { sent: delta.length });
    const early = this.#early.get(messageId) ?? [];
    this.#early.delete(messageId);
    return [{ type: 'text_start', messageId }, piece, ...this.#news(early)];
  }

  #attached(attachment: Attachment): readonly Attachment[] {
    const { messageId } = attachment;
    if (this.#open.has(messageId)) return this.#news([attachment]);
    this.#early.set(messageId, [...(this.#early.get(messageId) ?? []), attachment]);
    return [];
  }

  /** Those that were not sent yet. */
  #news(attachments: readonly Attachment[]): readonly Attachment[] {
    return attachments.filter((each) =>
      this.#isNew(each.messageId, each.type === 'source' ? each.source.url : each.file.file_id),
    );
  }

  #isNew(messageId: string, name: string): boolean {
    const names = this.#names.get(messageId) ?? new Set();
    this.#names.set(messageId, names);
    return names.size < names.add(name).size;
  }

  *#whole(event: NewEvent): Generator<PlainTextEvent> {
    this.#sent.add(event.id);
    const { id: messageId } = event;
    // They are in the event, too.
    this.#early.delete(messageId);
    yield* this.#keptThought(event);
    const text = assistantText(event);
    const rest = text?.slice(this.#open.get(messageId)?.sent);
    const deltas = rest ? textPieces(rest) : [];
    for (const [index, delta] of deltas.entries()) {
      const ends = index === deltas.length - 1 ? event : undefined;
      yield* this.#piece({ messageId, delta, pieces: 1, ends, whole: event });
    }
    if (text !== undefined) yield* this.#news(attachmentsOf(event));
    yield* this.#endOf(messageId);
    yield { type: 'event', event };
  }

  /** What is kept of the reasoning of a message, as far as it was not sent. */
  *#keptThought(event: NewEvent): Generator<PlainTextEvent> {
    const { id: messageId } = event;
    const rest = reasoningOf(event)?.slice(this.#thoughts.get(messageId) ?? 0);
    const deltas = rest ? textPieces(rest) : [];
    for (const delta of deltas) yield* this.#thought({ messageId, delta, pieces: 1 });
    yield* this.#endOfReasoning();
  }

  /** The end, and before it what is only known from it. */
  *#outcome(end: Outcome): Generator<PlainTextEvent | W> {
    for (const event of eventsOf(end)) if (!this.#sent.has(event.id)) yield* this.#whole(event);
    for (const messageId of this.#open.keys()) yield* this.#endOf(messageId);
    yield* this.#shown(this.#work.ends());
    yield end;
  }

  *#endOf(messageId: string): Generator<PlainTextEvent> {
    if (this.#open.delete(messageId)) yield { type: 'text_end', messageId };
  }
}

function eventsOf(end: Outcome): readonly NewEvent[] {
  return end.type === 'result' ? end.result.events : end.events;
}

function attachmentsOf(event: NewEvent): readonly Attachment[] {
  const { id: messageId } = event;
  return [
    ...sourcesOf(event).map((source) => ({ type: 'source', messageId, source }) as const),
    ...filesOf(event).map((file) => ({ type: 'file', messageId, file }) as const),
  ];
}
