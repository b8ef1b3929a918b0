import type { MessageEntry, ReasoningEntry } from '../../telemetry/trace.ts';
import { TRACE_LIMITS } from './trace-limits.ts';
import type { TraceLog } from './trace-log.ts';

/** A piece of a message, or of what a model thinks for it. */
interface Piece {
  readonly type: 'delta' | 'reasoning';
  readonly messageId: string;
  readonly delta: string;
}

/** The messages of a run that are sent piece by piece: one entry for each. */
export class TracedMessages {
  readonly #log: TraceLog;
  readonly #texts = new Map<string, GrowingText>();

  constructor(log: TraceLog) {
    this.#log = log;
  }

  add({ type, messageId, delta }: Piece): void {
    const id = `${type}/${messageId}`;
    const text =
      this.#texts.get(id) ??
      new GrowingText(
        this.#log,
        type === 'delta' ? this.#message(messageId) : this.#thoughts(messageId),
      );
    this.#texts.set(id, text);
    text.add(delta);
  }

  #message(messageId: string): Show {
    const message = this.#log.begin<MessageEntry>((moment) => ({
      ...moment,
      kind: 'message',
      messageId,
      text: '',
      pieces: 0,
    }));
    return (text, pieces) => {
      message.add({ text, pieces });
      message.end();
    };
  }

  #thoughts(messageId: string): Show {
    const thoughts = this.#log.begin<ReasoningEntry>((moment) => ({
      ...moment,
      kind: 'reasoning',
      messageId,
      text: '',
    }));
    return (text) => {
      thoughts.add({ text });
      thoughts.end();
    };
  }
}

/** Puts the text so far into its entry. */
type Show = (text: string, pieces: number) => void;

/** Puts pieces together, within bounds. */
class GrowingText {
  readonly #log: TraceLog;
  readonly #show: Show;
  #text = '';
  #missing = 0;
  #pieces = 0;

  constructor(log: TraceLog, show: Show) {
    this.#log = log;
    this.#show = show;
  }

  add(delta: string): void {
    const room = Math.min(TRACE_LIMITS.text - this.#text.length, this.#log.room);
    // What comes after something that is missing is missing, too.
    const kept = this.#missing > 0 ? '' : delta.slice(0, Math.max(0, room));
    this.#text += kept;
    this.#missing += delta.length - kept.length;
    this.#pieces++;
    const more = this.#missing > 0 ? `… (${this.#missing} more characters)` : '';
    this.#show(this.#text.toWellFormed() + more, this.#pieces);
  }
}
