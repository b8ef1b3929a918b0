/**
 * What clients may send unless an operator says otherwise: a user's events and the app's own ones.
 * What the app itself, its model's context and its assistant say cannot be forged.
 */
export const CLIENT_EVENT_TYPES: readonly string[] = [
  '*',
  '!state.*',
  '!context.*',
  '!jims.*',
  '!comm.assistant*',
];

/**
 * True when a pattern allows the type and none that begins with `!` forbids it; `*` stands for
 * anything, nothing included. What is forbidden is so in any spelling that looks like it: capitals, wide
 * letters, accents, characters that nobody sees.
 */
export function isAllowedEventType(type: string, patterns: readonly string[]): boolean {
  const plain = plainOf(type);
  const forbids = (pattern: string): boolean =>
    pattern.startsWith('!') && expressionOf(pattern).test(plain);
  const allows = (pattern: string): boolean =>
    !pattern.startsWith('!') && expressionOf(pattern).test(type);
  return patterns.some(allows) && !patterns.some(forbids);
}

function plainOf(type: string): string {
  return type
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}\p{Cc}]/gu, '')
    .toLowerCase();
}

/** Only an operator's patterns come here: there is no end of event types, but one of patterns. */
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
