/** Counts how many things each caller has at once. */
export interface CallerShares {
  /** Whether this caller has used up their share. */
  isFull(caller: string | undefined): boolean;
  /** Counts one more; `undefined` is not counted. */
  enter(caller: string | undefined): void;
  /** Counts one less. */
  leave(caller: string | undefined): void;
}

/**
 * Gives the default share of one caller in `max`: a tenth, and at least one.
 *
 * @example
 * defaultShare(1024); // 102
 */
export function defaultShare(max: number): number {
  return Math.max(1, Math.floor(max / 10));
}

/**
 * Makes a counter for shares of this size.
 *
 * @example
 * const shares = createCallerShares(defaultShare(100));
 * shares.enter('anna');
 * shares.isFull('anna'); // false: one of ten
 */
export function createCallerShares(share: number): CallerShares {
  const counts = new Map<string, number>();
  const countOf = (caller: string): number => counts.get(caller) ?? 0;
  return {
    isFull: (caller) => caller !== undefined && countOf(caller) >= share,
    enter(caller) {
      if (caller !== undefined) counts.set(caller, countOf(caller) + 1);
    },
    leave(caller) {
      if (caller === undefined) return;
      const count = countOf(caller) - 1;
      if (count > 0) counts.set(caller, count);
      else counts.delete(caller);
    },
  };
}
