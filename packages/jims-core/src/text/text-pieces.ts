import { cleanText } from './clean-text.ts';

/**
 * The longest piece of text that is sent, in UTF-16 units. Some clients read lines of up to 64 KiB, and
 * JSON may need six bytes for a unit.
 */
export const MAX_PIECE_CHARS: number = 10 * 1024;

/** The longest cluster that is never cut, such as an emoji of a family. */
const CLUSTER_CHARS = 64;

/**
 * Cuts text into pieces of at most {@link MAX_PIECE_CHARS}, never inside of what a reader sees as one
 * character.
 *
 * @example
 * textPieces('short'); // ['short']
 */
export function textPieces(text: string): string[] {
  if (text.length <= MAX_PIECE_CHARS) return [text];
  const pieces: string[] = [];
  let from = 0;
  while (text.length - from > MAX_PIECE_CHARS) {
    const until = cutBefore(text, from, from + MAX_PIECE_CHARS);
    pieces.push(text.slice(from, until));
    from = until;
  }
  return [...pieces, text.slice(from)];
}

/** The beginning of text, cut to at most `max` UTF-16 units, never inside of one character. */
export function beginningOf(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, cutBefore(text, 0, max));
}

/** Makes clean pieces of whole characters from text that arrives in pieces of any kind. */
export class PieceReader {
  readonly #characters = new WholeCharacters();

  /** The pieces that are complete now. */
  read(piece: string): readonly string[] {
    return nonEmpty(this.#characters.add(piece));
  }

  /** The rest, when the text is over. */
  end(): readonly string[] {
    return nonEmpty(this.#characters.rest());
  }
}

/** Holds back the first half of a character until the next piece brings the second. */
export class WholeCharacters {
  #half = '';

  /** The text that is complete now. */
  add(piece: string): string {
    const text = this.#half + piece;
    this.#half = isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.slice(-1) : '';
    return text.slice(0, text.length - this.#half.length);
  }

  /** The rest, when the text is over. */
  rest(): string {
    const rest = this.#half;
    this.#half = '';
    return rest;
  }
}

/** Whether a UTF-16 unit is the first half of a character. */
function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function nonEmpty(text: string): readonly string[] {
  return text === '' ? [] : textPieces(cleanText(text));
}

/** The last position up to `end` where text that begins at `start` may be cut. */
function cutBefore(text: string, start: number, end: number): number {
  const from = beginningOfFlags(text, start, end - CLUSTER_CHARS);
  const clusters = graphemes().segment(text.slice(from, end + CLUSTER_CHARS));
  const index = from + (clusters.containing(end - from)?.index ?? end - from);
  if (index > end - CLUSTER_CHARS) return index;
  // An endless cluster, which no person writes, is cut anywhere.
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

/** A flag is a pair of letters. In a row of flags only the beginning shows which letters are a pair. */
function beginningOfFlags(text: string, start: number, at: number): number {
  let from = isHighSurrogate(text.charCodeAt(at - 1)) ? at - 1 : at;
  while (from - 2 >= start && isFlagLetter(text.codePointAt(from - 2))) from -= 2;
  return from;
}

function isFlagLetter(codePoint: number | undefined): boolean {
  return codePoint !== undefined && codePoint >= 0x1f1e6 && codePoint <= 0x1f1ff;
}

let segmenter: Intl.Segmenter | undefined;

/** Made for the first long text, as it takes some milliseconds. */
function graphemes(): Intl.Segmenter {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter;
}
