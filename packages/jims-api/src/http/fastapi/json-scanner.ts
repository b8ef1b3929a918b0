import {
  endOfRun,
  escapedUnit,
  isHighSurrogate,
  isLowSurrogate,
  isShortEscape,
  isSurrogate,
} from './json-characters.ts';
import { JsonFault, lossOf } from './json-fault.ts';

/** How much JSON may be in one string. */
export interface JsonBounds {
  /** How many arrays and objects may stand inside each other. */
  readonly maxDepth: number;
  /** How many values there may be, however deep: each takes time and memory, also an empty list. */
  readonly maxValues: number;
  /** How many different names its members may have: each makes a kind of object of its own in memory. */
  readonly maxNames: number;
}

/**
 * Says why a JSON text is refused, in the words and at the position of CPython's `json` module (3.13),
 * which clients of the original may know. Text that CPython takes, but that would not stay what it is
 * in a JavaScript number or in a PostgreSQL text, is refused at its first such position, once its
 * syntax is known to be sound; text that is larger than its bounds as soon as that is seen.
 * `undefined`: nothing is wrong, and JSON.parse agrees. Takes a time that only grows with the length
 * of the text.
 */
export function findJsonFault(text: string, bounds: JsonBounds): JsonFault | undefined {
  const scanner = new JsonScanner(text, bounds);
  try {
    scanner.scan();
    return scanner.refusal;
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
}

const TAB = 0x09;
const NEW_LINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
/** Not only upper and lower case letters: setting this bit makes `e` of `E`. */
const LOWER_CASE = 0x20;

const SPACES = /[ \t\n\r]+/y;
/** All but control characters, the quotation mark and the backslash. */
const UNESCAPED = /[ !#-[\]-\uFFFF]+/y;
const SHORT_RUN = 32;
const LITERALS = ['null', 'true', 'false'];
/** Not JSON, but CPython takes them. */
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];
/** A number of no more characters and no exponent is finite, and an integer of them exact. */
const EXACT_DIGITS = 15;

const SHORT_LENGTH = 2;
const UNICODE_LENGTH = 6;

/** What the escapes of a string stand for. */
interface Escapes {
  hasNul: boolean;
  hasLoneSurrogate: boolean;
  /** Where the second half of a character is, when its first half was escaped. */
  secondHalf: number;
}

/** A recursive descent through the grammar; `maxDepth` bounds the recursion. */
class JsonScanner {
  readonly #text: string;
  readonly #bounds: JsonBounds;
  #at = 0;
  #depth = 0;
  #values = 0;
  readonly #names = new Set<string>();
  refusal: JsonFault | undefined;

  constructor(text: string, bounds: JsonBounds) {
    this.#text = text;
    this.#bounds = bounds;
  }

  scan(): void {
    this.#skipSpace();
    this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw new JsonFault('Extra data', this.#at);
  }

  /** NaN at the end of the text. */
  #unit(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #skipSpace(): void {
    const unit = this.#unit();
    if (unit === SPACE || unit === NEW_LINE || unit === RETURN || unit === TAB) {
      this.#at = endOfRun(SPACES, this.#text, this.#at);
    }
  }

  #value(): void {
    this.#values += 1;
    if (this.#values > this.#bounds.maxValues) {
      throw new JsonFault(`More than ${this.#bounds.maxValues} values`, this.#at);
    }
    switch (this.#unit()) {
      case QUOTE:
        return this.#string();
      case OPENING_BRACE:
        return this.#container(CLOSING_BRACE);
      case OPENING_BRACKET:
        return this.#container(CLOSING_BRACKET);
      default:
        return this.#scalar();
    }
  }

  #container(end: typeof CLOSING_BRACE | typeof CLOSING_BRACKET): void {
    const { maxDepth } = this.#bounds;
    if (this.#depth === maxDepth) {
      throw new JsonFault(`Nested deeper than ${maxDepth} levels`, this.#at);
    }
    this.#depth += 1;
    this.#at += 1;
    this.#skipSpace();
    if (this.#unit() !== end) {
      do {
        if (end === CLOSING_BRACE) this.#key();
        this.#value();
      } while (this.#comma(end));
    }
    this.#at += 1;
    this.#depth -= 1;
  }

  #key(): void {
    if (this.#unit() !== QUOTE) {
      throw new JsonFault('Expecting property name enclosed in double quotes', this.#at);
    }
    this.#name();
    this.#skipSpace();
    if (this.#unit() !== COLON) throw new JsonFault("Expecting ':' delimiter", this.#at);
    this.#at += 1;
    this.#skipSpace();
  }

  #name(): void {
    const { maxNames } = this.#bounds;
    const start = this.#at;
    this.#string();
    this.#names.add(this.#text.slice(start, this.#at));
    if (this.#names.size > maxNames) throw new JsonFault(`More than ${maxNames} names`, start);
  }

  /** True after a comma; false before the end of the container. */
  #comma(end: number): boolean {
    this.#skipSpace();
    const comma = this.#at;
    const unit = this.#unit();
    if (unit === end) return false;
    if (unit !== COMMA) throw new JsonFault("Expecting ',' delimiter", comma);
    this.#at += 1;
    this.#skipSpace();
    if (this.#unit() === end) {
      const container = end === CLOSING_BRACE ? 'object' : 'array';
      throw new JsonFault(`Illegal trailing comma before end of ${container}`, comma);
    }
    return true;
  }

  #string(): void {
    const text = this.#text;
    const start = this.#at;
    const seen: Escapes = { hasNul: false, hasLoneSurrogate: false, secondHalf: -1 };
    let at = start + 1;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) {
        at += this.#escape(start, at, seen);
      } else if (unit >= SPACE) {
        // A short string is through before a pattern has begun.
        at = at - start < SHORT_RUN ? at + 1 : endOfRun(UNESCAPED, text, at);
      } else if (at < text.length) {
        throw new JsonFault('Invalid control character at', at);
      } else {
        throw new JsonFault('Unterminated string starting at', start);
      }
    }
    this.#at = at + 1;
    if (seen.hasLoneSurrogate) this.#refuse('Lone surrogate in string starting at', start);
    if (seen.hasNul) this.#refuse('NUL character in string starting at', start, this.#at);
  }

  /** Looks at the escape that begins here, and gives its length. */
  #escape(start: number, at: number, seen: Escapes): number {
    if (this.#text.charCodeAt(at + 1) !== LOWER_U) {
      this.#requireShortEscape(start, at);
      return SHORT_LENGTH;
    }
    const unit = escapedUnit(this.#text, at);
    const next = at + UNICODE_LENGTH;
    // CPython wants something after the four digits, too: an escape cannot be at the very end.
    if (unit === undefined || next >= this.#text.length) {
      throw new JsonFault('Invalid \\uXXXX escape', at + 1);
    }
    seen.hasNul ||= unit === 0;
    if (isHighSurrogate(unit) && isLowSurrogate(escapedUnit(this.#text, next))) {
      seen.secondHalf = next;
    } else {
      seen.hasLoneSurrogate ||= isSurrogate(unit) && at !== seen.secondHalf;
    }
    return UNICODE_LENGTH;
  }

  #requireShortEscape(start: number, at: number): void {
    if (isShortEscape(this.#text.charCodeAt(at + 1))) return;
    if (at + 1 < this.#text.length) throw new JsonFault('Invalid \\escape', at);
    throw new JsonFault('Unterminated string starting at', start);
  }

  #scalar(): void {
    const start = this.#at;
    if (this.#number()) return;
    if (this.#takeWord(LITERALS)) return;
    if (!this.#takeWord(NOT_FINITE)) throw new JsonFault('Expecting value', start);
    this.#refuse('NaN and Infinity are not JSON', start);
  }

  /** Takes a number; false when there is no number here. */
  #number(): boolean {
    const start = this.#at;
    if (this.#unit() === MINUS) this.#at += 1;
    if (this.#unit() === ZERO) this.#at += 1;
    else if (this.#digits() === 0) {
      this.#at = start;
      return false;
    }
    const integerEnd = this.#at;
    if (this.#unit() === DOT) this.#digitsAfter(1);
    const fractionEnd = this.#at;
    if ((this.#unit() | LOWER_CASE) === LOWER_E) {
      const sign = this.#text.charCodeAt(this.#at + 1);
      this.#digitsAfter(sign === PLUS || sign === MINUS ? 2 : 1);
    }
    const isKept = this.#at - start <= EXACT_DIGITS && this.#at === fractionEnd;
    // One reason is enough: the rest of the text is only looked at for its syntax.
    if (isKept || this.refusal) return true;
    const loss = lossOf(this.#text.slice(start, this.#at), this.#at === integerEnd);
    if (loss !== undefined) this.#refuse(loss, start);
    return true;
  }

  /** Takes so many characters and the digits after them; nothing when no digits follow. */
  #digitsAfter(length: number): void {
    const start = this.#at;
    this.#at += length;
    if (this.#digits() === 0) this.#at = start;
  }

  #digits(): number {
    const start = this.#at;
    let at = start;
    for (;;) {
      const unit = this.#text.charCodeAt(at);
      if (!(unit >= ZERO && unit <= NINE)) break;
      at += 1;
    }
    this.#at = at;
    return at - start;
  }

  #takeWord(words: readonly string[]): boolean {
    for (const word of words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return true;
    }
    return false;
  }

  #refuse(message: string, index: number, endOfNulString?: number): void {
    this.refusal ??= new JsonFault(message, index, endOfNulString);
  }
}
