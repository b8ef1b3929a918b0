import type { Token } from 'marked';

import { lexBlocks } from './bounded-lexer.ts';
import type { InlinePieces, LinkTargets } from './bounded-lexer.ts';

/** A paragraph, a list, a table or the like: the same object as long as it says the same. */
export type Block = Token;

/**
 * The blocks of Markdown that grows. What is appended changes the last block only, so that each piece of a long
 * answer costs what its last paragraph costs.
 */
export class MarkdownBlocks {
  #text = '';
  #blocks: readonly Block[] = [];
  /** The addresses of links that are written apart from them, as JSON. */
  #links = '{}';
  #pieces: InlinePieces = new Map();

  /** The blocks of `text`; fast when it begins with the text of the call before. */
  of(text: string): readonly Block[] {
    const source = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
    if (source === this.#text) return this.#blocks;
    const kept = source.startsWith(this.#text) ? this.#lasting() : [];
    const before = kept.map(({ raw }) => raw).join('');
    const more = source.startsWith(before)
      ? this.#lexed(source.slice(before.length), linksOf(kept))
      : undefined;
    if (more) this.#blocks = [...kept, ...more];
    else this.#lexAll(source);
    this.#text = source;
    return this.#blocks;
  }

  /** All but the last block that is not empty space: that one may go on. */
  #lasting(): readonly Block[] {
    const last = this.#blocks.findLastIndex(({ type }) => type !== 'space');
    return this.#blocks.slice(0, Math.max(last, 0));
  }

  /** `undefined` when an address comes, or changes: it is of the links above, too. */
  #lexed(rest: string, links: LinkTargets): readonly Block[] | undefined {
    const blocks = lex(rest, links, this.#pieces);
    return JSON.stringify(links) === this.#links ? blocks : undefined;
  }

  #lexAll(source: string): void {
    this.#pieces = new Map();
    const links: LinkTargets = {};
    this.#blocks = lex(source, links, this.#pieces);
    this.#links = JSON.stringify(links);
  }
}

function linksOf(blocks: readonly Block[]): LinkTargets {
  const links: LinkTargets = {};
  for (const block of blocks) {
    if (block.type === 'def')
      links[block['tag']] ??= { href: block['href'], title: block['title'] };
  }
  return links;
}

function lex(source: string, links: LinkTargets, pieces: InlinePieces): Token[] {
  try {
    return lexBlocks(source, links, pieces);
  } catch {
    return [{ type: 'text', raw: source, text: source }];
  }
}
