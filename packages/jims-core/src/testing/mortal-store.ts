import { JimsError } from '../errors/jims-error.ts';
import type {
  FinishResult,
  JournalEntry,
  RunOutcomeRecord,
  RunOwner,
  Store,
} from '../store/store.ts';

/**
 * When a process dies: before the end of its run is stored; while a step works, so that its result is not
 * stored; or right after the result of a step is stored. A step is given by its name: a tool's, too.
 */
export type DeathPoint =
  | { readonly in: string; readonly after?: undefined }
  | { readonly after: string; readonly in?: undefined }
  | { readonly in?: undefined; readonly after?: undefined };

/** How a process died: what it did last. */
export interface Death {
  readonly run: RunOwner;
  /** Of one that died before the end of its run was stored: that end. */
  readonly outcome?: RunOutcomeRecord;
}

interface Plan {
  readonly point: DeathPoint;
  readonly death: PromiseWithResolvers<Death>;
}

/** The store of a process that can die: from then on nothing that it asks for happens, or is answered. */
export class MortalStore {
  readonly store: Store;
  readonly #inner: Store;
  readonly #steps = new Set<string>();
  readonly #instances = new Set<string>();
  #plan: Plan | undefined;
  #isDead = false;

  constructor(inner: Store) {
    this.#inner = inner;
    const alive: Store = {
      ...inner,
      renewLease: (instanceId, ...about) => {
        this.#instances.add(instanceId);
        return inner.renewLease(instanceId, ...about);
      },
      storeEntries: (run, entries) => this.#storeEntries(run, entries),
      finishRun: (run, outcome) => this.#finish(run, outcome),
    };
    this.store = new Proxy(alive, {
      get: (target, name, receiver) => {
        const member: unknown = Reflect.get(target, name, receiver);
        if (!this.#isDead || typeof member !== 'function') return member;
        return Reflect.get(DEAD, name) ?? neverAnswered;
      },
    });
  }

  /**
   * Lets the next run die. Resolves when it does. Rejects when the run is completed without coming to that
   * point; a run that fails does not die, and has no other chance.
   */
  dieAt(point: DeathPoint): Promise<Death> {
    this.#steps.clear();
    const death = Promise.withResolvers<Death>();
    this.#plan = { point, death };
    return death.promise;
  }

  /** There is no run that could die: the next one does not. */
  spare(): void {
    this.#plan = undefined;
  }

  /** Dies now, and leaves what it had to other processes. */
  async kill(): Promise<void> {
    this.#isDead = true;
    for (const instanceId of this.#instances) await this.#inner.endLease(instanceId);
  }

  async #storeEntries(
    run: RunOwner,
    entries: readonly JournalEntry[],
  ): Promise<'stored' | 'fenced'> {
    const { in: working, after } = this.#plan?.point ?? {};
    const names = entries.map(({ name }) => name);
    names.forEach((name) => this.#steps.add(name));
    if (working !== undefined && names.includes(working)) await this.#die({ run });
    if (this.#isDead) return 'fenced';
    const stored = await this.#inner.storeEntries(run, entries);
    if (after === undefined || !names.includes(after)) return stored;
    await this.#die({ run });
    return 'fenced';
  }

  async #finish(run: RunOwner, outcome: RunOutcomeRecord): Promise<FinishResult> {
    const plan = this.#plan;
    const name = plan?.point.in ?? plan?.point.after;
    const isCompleted = outcome.status === 'completed';
    if (plan && name === undefined && isCompleted) {
      await this.#die({ run, outcome: structuredClone(outcome) });
      return { kind: 'fenced' };
    }
    this.#plan = undefined;
    const result = await this.#inner.finishRun(run, outcome);
    if (name !== undefined && isCompleted) plan?.death.reject(this.#missed(name));
    return result;
  }

  async #die(death: Death): Promise<void> {
    this.#isDead = true;
    await this.#inner.releaseRun(death.run);
    await this.kill();
    this.#plan?.death.resolve(death);
  }

  #missed(name: string): Error {
    const steps = [...this.#steps].join(', ') || 'none';
    return new Error(
      `The process was to die at the step '${name}', and its run ended without it. Its steps were: ${steps}`,
    );
  }
}

/**
 * What the engine of a dead process gets, so that its runs and timers end: it may not write any more, as a process
 * that was taken for dead.
 */
const DEAD: Partial<Store> = {
  storeEntries: async () => 'fenced',
  finishRun: async () => ({ kind: 'fenced' }),
  releaseRun: async () => 'fenced',
  run: () => Promise.reject(dead()),
  renewLease: () => Promise.reject(dead()),
  endLease: () => Promise.reject(dead()),
  close: async () => {},
};

/** A dead process does nothing more: what its pipeline waits for never comes. */
function neverAnswered(): Promise<never> {
  return new Promise<never>(() => {});
}

function dead(): JimsError {
  return new JimsError('store_unavailable', 'The process of this store is dead');
}
