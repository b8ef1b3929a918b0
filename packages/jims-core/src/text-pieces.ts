import { cleanText } from './clean-text.ts';
import { WholeCharacters, isHighSurrogate } from './whole-characters.ts';

/**
 * How many UTF-16 units of text are sent in one piece: no line of a stream is then longer than 64 KiB,
 * which is all that some clients read.
 */
export const MAX_PIECE_CHARS: number = 16 * 1024;

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
    const until = cutBefore(text, from + MAX_PIECE_CHARS);
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

/** The last place up to `end` where text may be cut. */
function cutBefore(text: string, end: number): number {
  const from = end - CLUSTER_CHARS;
  const clusters = graphemes().segment(text.slice(from, end + CLUSTER_CHARS));
  const start = from + (clusters.containing(CLUSTER_CHARS)?.index ?? CLUSTER_CHARS);
  if (start > from) return start;
  // A cluster without end, as no person writes it.
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

let segmenter: Intl.Segmenter | undefined;

/** Made when a long text comes: that takes some milliseconds. */
function graphemes(): Intl.Segmenter {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter;
}
