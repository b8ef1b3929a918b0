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
  const forbidding = patterns.filter((pattern) => pattern.startsWith('!'));
  const allowing = patterns.filter((pattern) => !pattern.startsWith('!'));
  return (
    allowing.some((pattern) => matches(type, pattern)) &&
    !forbidding.some((pattern) => matches(type, pattern.slice(1)))
  );
}

function matches(type: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(type);
}
