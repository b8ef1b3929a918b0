import type { AnswerPiece } from '../chat/streamed-answer.ts';

/** The text of several rounds as one: a blank line is between those that have text. */
export class Paragraphs {
  #end = '';
  #startsNext = false;

  /** Gives what is sent of a piece of text, after what was sent before. */
  add(text: string): string {
    const isApart = this.#startsNext && this.#end !== '' && this.#end.trimEnd() === this.#end;
    this.#startsNext = false;
    const added = isApart ? `\n\n${text}` : text;
    this.#end = (this.#end + added).slice(-2);
    return added;
  }

  /** The text that comes next is of another round. */
  startNext(): void {
    this.#startsNext = true;
  }
}

/** The pieces of one round, put together where they are of one kind. White space alone is left out. */
export class RoundParts {
  readonly #parts: { readonly type: AnswerPiece['type']; text: string }[] = [];
  #blank = '';

  get list(): readonly AnswerPiece[] {
    return this.#parts;
  }

  get text(): string {
    return this.#parts.map(({ type, text }) => (type === 'text' ? text : '')).join('');
  }

  /** Gives what is to be sent now. */
  add({ type, text: added }: AnswerPiece): AnswerPiece | undefined {
    const text = type === 'text' ? this.#blank + added : added;
    const waits = type === 'text' && text.trim() === '' && !this.#hasText;
    this.#blank = waits ? text : type === 'text' ? '' : this.#blank;
    if (waits) return undefined;
    const last = this.#parts.at(-1);
    if (last?.type === type) last.text += text;
    else this.#parts.push({ type, text });
    return { type, text };
  }

  get #hasText(): boolean {
    return this.#parts.some(({ type }) => type === 'text');
  }
}
