// The characters of JSON strings, as UTF-16 units.

const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const LOWER_A = 0x61;
const LOWER_F = 0x66;
const LOWER_U = 0x75;
/** Setting this bit makes `a` of `A`. */
const LOWER_CASE = 0x20;

/** The UTF-16 unit of a `\uXXXX` that begins here; `undefined` for anything else. */
export function escapedUnit(text: string, at: number): number | undefined {
  if (text.charCodeAt(at) !== BACKSLASH || text.charCodeAt(at + 1) !== LOWER_U) return undefined;
  let unit = 0;
  for (let digit = at + 2; digit < at + 6; digit += 1) {
    const value = hexDigit(text.charCodeAt(digit));
    if (value === undefined) return undefined;
    unit = unit * 16 + value;
  }
  return unit;
}

function hexDigit(unit: number): number | undefined {
  if (unit >= ZERO && unit <= NINE) return unit - ZERO;
  const letter = unit | LOWER_CASE;
  return letter >= LOWER_A && letter <= LOWER_F ? letter - LOWER_A + 10 : undefined;
}

/** One of `"\/bfnrt`. */
export function isShortEscape(unit: number): boolean {
  switch (unit) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true;
    default:
      return false;
  }
}

export function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

export function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

export function isLowSurrogate(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xdc00 && unit <= 0xdfff;
}

/** Where the characters that a sticky pattern takes end: many times quicker than one by one. */
export function endOfRun(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : start;
}
