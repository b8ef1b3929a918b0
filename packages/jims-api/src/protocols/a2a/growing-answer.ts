import type { Part } from './wire.ts';

/** How much longer than last time the text is when it is said again: all that is said is five times the text. */
const GROWTH = 1.25;
/** A longer text comes with the last status alone. */
const MAX_CHARS = 16 * 1024;

/** The text of answers as it grows, for clients that show the message of a status. */
export class GrowingAnswer {
  /** By message. */
  readonly #texts = new Map<string, string>();
  #chars = 0;
  #said = 0;

  /** Adds a piece, and gives the whole text if it is time to say that again. */
  add(messageId: string, piece: string): readonly Part[] | undefined {
    this.#chars += piece.length;
    if (this.#chars > MAX_CHARS) return undefined;
    this.#texts.set(messageId, (this.#texts.get(messageId) ?? '') + piece);
    if (this.#chars < this.#said * GROWTH) return undefined;
    this.#said = this.#chars;
    return [...this.#texts.values()].map((text) => ({ text }));
  }
}
