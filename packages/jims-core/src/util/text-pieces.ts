import { cleanText } from './clean-text.ts';
import { WholeCharacters, isHighSurrogate } from './whole-characters.ts';

/**
 * How many UTF-16 units of text are sent in one piece: no line of a stream is then longer than 64 KiB,
 * which is all that some clients read. JSON may need six bytes for each of them.
 */
export const MAX_PIECE_CHARS: number = 10 * 1024;

/** The longest cluster that is kept together, such as an emoji of a family. */
const CLUSTER_CHARS = 64;

/**
 * Cuts text that is too long for one piece, never within what a reader sees as one character.
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

/** Makes clean pieces of text that comes in pieces of any kind; see {@link WholeCharacters}. */
export class PieceReader {
  readonly #characters = new WholeCharacters();

  /** What is complete now, none for an empty piece. */
  read(piece: string): readonly string[] {
    return nonEmpty(this.#characters.add(piece));
  }

  /** What is left when nothing comes any more. */
  end(): readonly string[] {
    return nonEmpty(this.#characters.rest());
  }
}

function nonEmpty(text: string): readonly string[] {
  return text === '' ? [] : textPieces(cleanText(text));
}

/** The last place up to `end` where text that begins at `start` may be cut. */
function cutBefore(text: string, start: number, end: number): number {
  const from = beginningOfFlags(text, start, end - CLUSTER_CHARS);
  const clusters = graphemes().segment(text.slice(from, end + CLUSTER_CHARS));
  const index = from + (clusters.containing(end - from)?.index ?? end - from);
  if (index > end - CLUSTER_CHARS) return index;
  // A cluster without end, as no person writes it.
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

/** A flag is a pair of letters: in a row of flags only its beginning says which letters are a pair. */
function beginningOfFlags(text: string, start: number, at: number): number {
  let from = isHighSurrogate(text.charCodeAt(at - 1)) ? at - 1 : at;
  while (from - 2 >= start && isFlagLetter(text.codePointAt(from - 2))) from -= 2;
  return from;
}

function isFlagLetter(codePoint: number | undefined): boolean {
  return codePoint !== undefined && codePoint >= 0x1f1e6 && codePoint <= 0x1f1ff;
}

let segmenter: Intl.Segmenter | undefined;

/** Made when a long text comes: that takes some milliseconds. */
function graphemes(): Intl.Segmenter {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter;
}
