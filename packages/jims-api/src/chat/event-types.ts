/**
 * The default of `allowedEventTypes`: a user's events and the app's own ones. Clients cannot forge states,
 * the model's context, what the assistant says, or what somebody thinks of it.
 *
 * @example
 * await serve(app, { allowedEventTypes: [...CLIENT_EVENT_TYPES, '!crm.*'] });
 */
export const CLIENT_EVENT_TYPES: readonly string[] = [
  '*',
  '!state.*',
  '!context.*',
  '!jims.*',
  '!comm.assistant*',
  '!feedback.given',
  '!feedback.withdrawn',
];

/**
 * True when a pattern allows the type and none that begins with `!` forbids it; `*` stands for
 * any characters, also none. A forbidden type is forbidden in any spelling that looks like it: capitals,
 * wide letters, accents, letters of other alphabets, invisible characters.
 */
export function isAllowedEventType(type: string, patterns: readonly string[]): boolean {
  const plain = plainOf(type);
  const forbids = (pattern: string): boolean =>
    pattern.startsWith('!') && expressionOf(pattern).test(plain);
  const allows = (pattern: string): boolean =>
    !pattern.startsWith('!') && expressionOf(pattern).test(type);
  return patterns.some(allows) && !patterns.some(forbids);
}

/** Letters of other alphabets, and small capitals, by the letter that they are taken for. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  a: 'аαɑᴀ',
  c: 'сᴄ',
  d: 'ԁᴅ',
  e: 'еєεᴇ',
  g: 'ɡɢ',
  h: 'һнʜ',
  i: 'іιıɩɪ',
  j: 'јϳᴊ',
  k: 'кκᴋ',
  l: 'ӏʟ',
  m: 'мᴍ',
  n: 'пηոɴ',
  o: 'оοօᴏ',
  p: 'рρᴘ',
  r: 'гʀ',
  s: 'ѕꜱ',
  t: 'тτᴛ',
  u: 'υսᴜ',
  v: 'ѵνᴠ',
  w: 'ѡԝωᴡ',
  x: 'хχ',
  y: 'уүγʏ',
  z: 'ᴢ',
};
const latinOf = new Map(
  Object.entries(LOOK_ALIKES).flatMap(([latin, letters]) =>
    Array.from(letters, (letter) => [letter, latin] as const),
  ),
);

/** Nothing in it can look like another letter: what nearly all clients send. */
const PLAIN = /^[ -@[-~]*$/;

function plainOf(type: string): string {
  if (PLAIN.test(type)) return type;
  const letters = type
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/gu, '')
    .toLowerCase();
  return Array.from(letters, (letter) => latinOf.get(letter) ?? letter).join('');
}

/** By pattern, and not by event type: an operator's patterns are few. */
const expressions = new Map<string, RegExp>();

function expressionOf(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known) return known;
  const parts = (pattern.startsWith('!') ? plainOf(pattern.slice(1)) : pattern).split('*');
  const literals = parts.map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  const expression = new RegExp(`^${literals.join('.*')}$`, 's');
  expressions.set(pattern, expression);
  return expression;
}
