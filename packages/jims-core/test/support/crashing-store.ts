// A process that dies: from one moment on its store does nothing and answers nothing.
import type { OpenOptions } from '../../src/app/options.ts';
import type { Store } from '../../src/store/store.ts';

export interface CrashingStore {
  readonly store: Store;
  /** The methods that it was called with, in their order. */
  readonly calls: readonly string[];
  readonly isDead: boolean;
  /** Those that took leases on it. */
  readonly instances: ReadonlySet<string>;
  /** Dies now: its leases end, as when the next start on the file forgets the dead. */
  crash(): Promise<void>;
  /** Dies right before, or right after, the n-th call of a method from now on. */
  crashAt(method: Extract<keyof Store, string>, when: 'before' | 'after', nth?: number): void;
}

/** Options of an app that dies: timers of its runs would keep the process of the test alive. */
export const MORTAL: OpenOptions = { limits: { timeoutMs: 1000, graceMs: 10 } };

/** A view of a store that an app may close. */
export function living(store: Store): Store {
  return { ...store, close: async () => {} };
}

/** A view of a store for one app: closing it closes nothing. */
export function crashingStore(store: Store): CrashingStore {
  const calls: string[] = [];
  const instances = new Set<string>();
  let isDead = false;
  let at: { method: string; when: 'before' | 'after'; left: number } | undefined;

  async function crash(): Promise<void> {
    isDead = true;
    for (const instance of instances) await store.endLease(instance);
  }

  /** Whether this call is the one that it dies at. */
  function isLast(method: string, when: 'before' | 'after'): boolean {
    if (at?.method !== method || at.when !== when) return false;
    return --at.left === 0;
  }

  const proxy = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function' || typeof name !== 'string') return member;
      if (name === 'close') return async () => {};
      return async (...args: readonly unknown[]): Promise<unknown> => {
        if (name === 'renewLease') instances.add(String(args[0]));
        if (!isDead && isLast(name, 'before')) await crash();
        if (isDead) return new Promise(() => {});
        calls.push(name);
        const answer: unknown = await member.apply(target, args);
        if (!isDead && isLast(name, 'after')) await crash();
        return isDead ? new Promise(() => {}) : answer;
      };
    },
  });
  return {
    store: proxy,
    calls,
    instances,
    get isDead() {
      return isDead;
    },
    crash,
    crashAt(method, when, nth = 1) {
      at = { method, when, left: nth };
    },
  };
}
