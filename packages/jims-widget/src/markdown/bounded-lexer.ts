import { Lexer, Tokenizer, getDefaults } from 'marked';
import type { Token, Tokens } from 'marked';

/** Lists and quotes in each other: deeper ones are text. The lexer calls itself for each level. */
const MAX_DEPTH = 12;
/** The time that inline text takes grows by the square of its length: longer ones are lexed in pieces. */
const MAX_INLINE_LENGTH = 2000;

/** Where links lead that say `[text][name]`, by name. */
export type LinkTargets = Lexer['tokens']['links'];

/** What has been lexed of long paragraphs; one that grows is lexed at its end alone. */
export type InlinePieces = Map<string, Token[]>;

/** The blocks of Markdown. Whatever it says, this takes time in proportion to its length. */
export function lexBlocks(text: string, links: LinkTargets, pieces: InlinePieces): Token[] {
  const lexer = new BoundedLexer(pieces);
  Object.assign(lexer.tokens.links, links);
  const tokens = lexer.lex(text);
  Object.assign(links, tokens.links);
  return tokens;
}

class BoundedTokenizer extends Tokenizer {
  #depth = 0;

  override blockquote(source: string): Tokens.Blockquote | undefined {
    return this.#nested(() => super.blockquote(source));
  }

  override list(source: string): Tokens.List | undefined {
    return this.#nested(() => super.list(source));
  }

  #nested<T>(lex: () => T): T | undefined {
    if (this.#depth === MAX_DEPTH) return undefined;
    this.#depth += 1;
    try {
      return lex();
    } finally {
      this.#depth -= 1;
    }
  }
}

class BoundedLexer extends Lexer {
  readonly #pieces: InlinePieces;

  constructor(pieces: InlinePieces) {
    super({ ...getDefaults(), tokenizer: new BoundedTokenizer() });
    this.#pieces = pieces;
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    if (source.length <= MAX_INLINE_LENGTH) return super.inlineTokens(source, tokens);
    for (const piece of piecesOf(source)) {
      const known = this.#pieces.get(piece) ?? super.inlineTokens(piece);
      this.#pieces.set(piece, known);
      tokens.push(...known);
    }
    return tokens;
  }
}

/** Cut at ends of lines, at spaces, or anywhere. */
function piecesOf(source: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (source.length - start > MAX_INLINE_LENGTH) {
    const full = source.slice(start, start + MAX_INLINE_LENGTH);
    const cut = Math.max(full.lastIndexOf('\n'), 0) || Math.max(full.lastIndexOf(' '), 0);
    const length = cut > MAX_INLINE_LENGTH / 4 ? cut + 1 : MAX_INLINE_LENGTH;
    pieces.push(full.slice(0, length));
    start += length;
  }
  pieces.push(source.slice(start));
  return pieces;
}
