/** What is wrong with a JSON text. `index` counts UTF-16 units. */
export class JsonFault extends SyntaxError {
  readonly index: number;

  constructor(message: string, index: number) {
    super(message);
    this.index = index;
  }
}

/**
 * Says why a JSON text is refused, in the words and at the place of CPython's `json` module (3.13),
 * which clients of the original may know. Text that CPython takes, but that would not stay what it is
 * in a JavaScript number or in a PostgreSQL text, is refused at its first such place, once its syntax
 * is known to be sound. `undefined`: nothing is wrong, and JSON.parse agrees.
 */
export function findJsonFault(text: string, maxDepth: number): JsonFault | undefined {
  const scanner = new JsonScanner(text, maxDepth);
  try {
    scanner.scan();
    return scanner.refusal;
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
}

const SPACE = /[ \t\n\r]*/y;
const LITERAL = /null|true|false/y;
/** No JSON, but CPython takes them. */
const NOT_FINITE = /NaN|-?Infinity/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const INTEGER = /^-?\d+$/;
/** All but control characters, the quotation mark and the backslash. */
const UNESCAPED = /[ !#-[\]-\uFFFF]*/y;
/** CPython wants something behind the four digits, too: an escape cannot be the end of a text. */
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}(?=[^]))/y;

/** A recursive descent through the grammar; `maxDepth` bounds the recursion. */
class JsonScanner {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #depth = 0;
  refusal: JsonFault | undefined;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  scan(): void {
    this.#take(SPACE);
    this.#value();
    this.#take(SPACE);
    if (this.#at < this.#text.length) throw new JsonFault('Extra data', this.#at);
  }

  #value(): void {
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case '{':
        return this.#container('}');
      case '[':
        return this.#container(']');
      default:
        return this.#scalar();
    }
  }

  #container(end: '}' | ']'): void {
    if (this.#depth === this.#maxDepth) {
      throw new JsonFault(`Nested deeper than ${this.#maxDepth} levels`, this.#at);
    }
    this.#depth += 1;
    this.#at += 1;
    this.#take(SPACE);
    if (this.#text[this.#at] !== end) {
      do {
        if (end === '}') this.#key();
        this.#value();
      } while (this.#comma(end));
    }
    this.#at += 1;
    this.#depth -= 1;
  }

  #key(): void {
    if (this.#text[this.#at] !== '"') {
      throw new JsonFault('Expecting property name enclosed in double quotes', this.#at);
    }
    this.#string();
    this.#take(SPACE);
    if (this.#text[this.#at] !== ':') throw new JsonFault("Expecting ':' delimiter", this.#at);
    this.#at += 1;
    this.#take(SPACE);
  }

  /** True behind a comma; false in front of the end of the container. */
  #comma(end: '}' | ']'): boolean {
    this.#take(SPACE);
    const comma = this.#at;
    if (this.#text[comma] === end) return false;
    if (this.#text[comma] !== ',') throw new JsonFault("Expecting ',' delimiter", comma);
    this.#at += 1;
    this.#take(SPACE);
    if (this.#text[this.#at] === end) {
      const container = end === '}' ? 'object' : 'array';
      throw new JsonFault(`Illegal trailing comma before end of ${container}`, comma);
    }
    return true;
  }

  #string(): void {
    const start = this.#at;
    this.#at += 1;
    this.#take(UNESCAPED);
    while (this.#text[this.#at] !== '"') {
      this.#escape(start);
      this.#take(UNESCAPED);
    }
    this.#at += 1;
    const source = this.#text.slice(start, this.#at);
    if (!source.includes('\\u')) return;
    const value = String(JSON.parse(source));
    if (!value.isWellFormed()) this.#refuse('Lone surrogate in string starting at', start);
    if (value.includes('\0')) this.#refuse('NUL character in string starting at', start);
  }

  #escape(start: number): void {
    const at = this.#at;
    if (this.#take(ESCAPE)) return;
    const escaped = this.#text[at + 1];
    if (at < this.#text.length && this.#text[at] !== '\\') {
      throw new JsonFault('Invalid control character at', at);
    }
    if (escaped === undefined) throw new JsonFault('Unterminated string starting at', start);
    if (escaped === 'u') throw new JsonFault('Invalid \\uXXXX escape', at + 1);
    throw new JsonFault('Invalid \\escape', at);
  }

  #scalar(): void {
    const start = this.#at;
    if (this.#take(LITERAL)) return;
    if (this.#take(NOT_FINITE)) return this.#refuse('NaN and Infinity are not JSON', start);
    const source = this.#take(NUMBER);
    if (!source) throw new JsonFault('Expecting value', start);
    const value = Number(source);
    if (!Number.isFinite(value)) return this.#refuse('Number out of range', start);
    if (Number.isSafeInteger(value) || !INTEGER.test(source)) return;
    if (BigInt(source) !== BigInt(value)) {
      this.#refuse('Integer too large to be kept exactly, send it as a string', start);
    }
  }

  #refuse(message: string, index: number): void {
    this.refusal ??= new JsonFault(message, index);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }
}
