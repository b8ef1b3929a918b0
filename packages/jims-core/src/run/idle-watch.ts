/** Counts who is at work, and tells when nobody is any more. */
export interface IdleWatch {
  readonly count: number;
  enter(): void;
  leave(): void;
  /** Resolves with true as soon as nobody is at work, with false when that takes longer. */
  within(ms: number): Promise<boolean>;
}

export function createIdleWatch(): IdleWatch {
  const waiters = new Set<() => void>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    enter: () => void count++,
    leave() {
      count--;
      if (count === 0) for (const tell of waiters) tell();
    },
    within(ms) {
      if (count === 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const settle = (isIdle: boolean): void => {
          clearTimeout(timer);
          waiters.delete(tell);
          resolve(isIdle);
        };
        const tell = (): void => settle(true);
        const timer = setTimeout(() => settle(false), ms);
        waiters.add(tell);
      });
    },
  };
}
