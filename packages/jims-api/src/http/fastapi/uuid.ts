const CANONICAL = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const HYPHENATED = new RegExp(CANONICAL, 'i');
const SIMPLE = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;
const HYPHEN = 0x2d;
const URN = 'urn:uuid:';
const GROUP_LENGTHS = [8, 4, 4, 4, 12];
/** A UUID of version 7 begins with its time. */
const TIME_DIGITS = 12;
const LAST_GROUP = { index: 4, start: 24 };

/**
 * A UUID of any version in its canonical form: lower case, with hyphens. Takes every spelling that the
 * original's parser (the Rust crate `uuid`) takes; `undefined` for all else.
 */
export function canonicalUuid(text: string): string | undefined {
  if (CANONICAL.test(text)) return text;
  const { digits, offset } = unwrap(text);
  if (HYPHENATED.test(digits)) return digits.toLowerCase();
  if (offset > 0 || !SIMPLE.test(digits)) return undefined;
  return digits.toLowerCase().replace(SIMPLE, '$1-$2-$3-$4-$5');
}

/** Why a string is not a UUID, in the words of the original's parser. */
export function uuidFault(text: string): string {
  const { digits, offset } = unwrap(text);
  const strange = /[^0-9a-fA-F-]/u.exec(digits);
  if (strange) {
    const position = strange.index + offset + 1;
    return `invalid character: expected an optional prefix of \`urn:uuid:\` followed by [0-9a-fA-F-], found \`${strange[0]}\` at ${position}`;
  }
  const count = groupCount(digits);
  if (count === 1 && offset === 0) {
    return `invalid length: expected length 32 for simple format, found ${digits.length}`;
  }
  if (count !== GROUP_LENGTHS.length) {
    return `invalid group count: expected 5, found ${count}`;
  }
  const groups = digits.split('-');
  const index = groups.findIndex((group, i) => group.length !== GROUP_LENGTHS[i]);
  // That parser counts the braces or the prefix as digits of the last group.
  const found = index === LAST_GROUP.index ? text.length - LAST_GROUP.start : groups[index]?.length;
  return `invalid group length in group ${index}: expected ${GROUP_LENGTHS[index]}, found ${found}`;
}

/** Counted without making them: a client's text may be millions of hyphens. */
function groupCount(digits: string): number {
  let count = 1;
  for (let at = 0; at < digits.length; at += 1) if (digits.charCodeAt(at) === HYPHEN) count += 1;
  return count;
}

/** Takes off the braces or the prefix; `offset` is where the digits begin. */
function unwrap(text: string): { digits: string; offset: number } {
  if (text.startsWith(URN)) return { digits: text.slice(URN.length), offset: URN.length };
  if (text.startsWith('{') && text.endsWith('}')) return { digits: text.slice(1, -1), offset: 1 };
  return { digits: text, offset: 0 };
}

/** When a UUID was made, in milliseconds since 1970; `undefined` when it is not of version 7. */
export function timeOfUuid(uuid: string): number | undefined {
  return hexOf(uuid)[TIME_DIGITS] === '7' ? timeInUuidV7(uuid) : undefined;
}

/** When a UUID of version 7 was made, in milliseconds since 1970. */
export function timeInUuidV7(uuid: string): number {
  return Number.parseInt(hexOf(uuid).slice(0, TIME_DIGITS), 16);
}

/** Its digits alone. */
export function hexOf(uuid: string): string {
  return uuid.replaceAll('-', '');
}
