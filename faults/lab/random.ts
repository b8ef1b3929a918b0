/** Choices that a seed repeats. What the machine makes of them, it does not. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** As `pick`, each by its weight. */
  weighted<T>(list: readonly (readonly [weight: number, item: T])[]): T;
  /** Choices of its own, so that what runs at the same time does not take each other's. */
  fork(): Random;
}

/** mulberry32: small, and good enough to choose by. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  const between = (least: number, most: number): number =>
    least + Math.floor(next() * (most - least + 1));

  function pick<T>(list: readonly T[]): T {
    const item = list[between(0, list.length - 1)];
    if (item === undefined) throw new RangeError('Nothing to pick from');
    return item;
  }

  return {
    next,
    between,
    pick,
    chance: (probability) => next() < probability,
    weighted<T>(list: readonly (readonly [number, T])[]): T {
      let left = next() * list.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, item] of list) {
        left -= weight;
        if (left < 0) return item;
      }
      return pick(list)[1];
    },
    fork: () => createRandom(between(0, 2 ** 32 - 1)),
  };
}
