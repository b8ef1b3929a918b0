/**
 * What clients may send unless an operator says otherwise: a user's events and the app's own ones.
 * What the app itself, its model's context and its assistant say cannot be forged.
 */
export const CLIENT_EVENT_TYPES: readonly string[] = [
  '*',
  '!state.*',
  '!context.*',
  '!jims.*',
  '!comm.assistant_*',
];

/**
 * True when a pattern allows the type and none that begins with `!` forbids it; `*` stands for
 * anything, nothing included.
 */
export function isAllowedEventType(type: string, patterns: readonly string[]): boolean {
  const matching = patterns.filter((pattern) => expressionOf(pattern).test(type));
  return matching.length > 0 && !matching.some((pattern) => pattern.startsWith('!'));
}

/** Only an operator's patterns come here: there is no end of event types, but one of patterns. */
const expressions = new Map<string, RegExp>();

function expressionOf(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known) return known;
  const parts = pattern.replace(/^!/, '').split('*');
  const literals = parts.map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  const expression = new RegExp(`^${literals.join('.*')}$`, 's');
  expressions.set(pattern, expression);
  return expression;
}
