/** A timer of Node that is to wait longer ends at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * How long a timer waits for a time that somebody chose, such as `Infinity`: 24 days at most.
 *
 * @example setTimeout(stop, timerMs(limits.timeoutMs));
 */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST_MS);
}
