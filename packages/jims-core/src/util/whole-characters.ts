/** Puts text together that comes in pieces of any kind, also ones that end within a character. */
export class WholeCharacters {
  /** The first half of a character whose second one is to come. */
  #half = '';

  /** What is complete now. */
  add(piece: string): string {
    const text = this.#half + piece;
    this.#half = isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.slice(-1) : '';
    return text.slice(0, text.length - this.#half.length);
  }

  /** What is left when nothing comes any more. */
  rest(): string {
    const rest = this.#half;
    this.#half = '';
    return rest;
  }
}

/** Whether a UTF-16 unit is the first half of a character. */
export function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
