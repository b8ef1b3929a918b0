import { TRACE_LIMITS } from './trace-limits.ts';
import type { TraceLog } from './trace-log.ts';

/** Puts together the pieces of a message, or of what a model thinks for it, within bounds. */
export class TracedText {
  readonly #log: TraceLog;
  readonly #show: (text: string, pieces: number) => void;
  #text = '';
  #missing = 0;
  #pieces = 0;

  /** @param show Puts the text so far into its entry. */
  constructor(log: TraceLog, show: (text: string, pieces: number) => void) {
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
    const text = this.#text.toWellFormed();
    const more = this.#missing > 0 ? `… (${this.#missing} more characters)` : '';
    this.#show(text + more, this.#pieces);
  }
}
