// A process of a durable app: it may die at any call of its store, or be taken for dead and go on.
import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import { JimsError } from '../../src/errors/jims-error.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { JournalEntry, Store } from '../../src/store/store.ts';

/** What a process does to the world around it. */
export interface ProcessWorld {
  readonly store: Store;
  /** A moment at which a process may die: before and after each of these calls, and around each work. */
  passPoint(process: DurableProcess): Promise<void>;
  /** Does something that must be over before the world is quiet. */
  busy<T>(work: () => Promise<T>): Promise<T>;
  /** Whether the answer to this call is lost. */
  losesAnswer(method: string): boolean;
  stored(entries: readonly JournalEntry[]): void;
  violate(what: string): void;
}

/** The calls at which a process may die. */
const POINTS: ReadonlySet<string> = new Set([
  'acceptRun',
  'finishRun',
  'loadChain',
  'question',
  'readTail',
  'reapRuns',
  'releaseRun',
  'requestCancel',
  'storeEntries',
]);
const LIMITS = { graceMs: 20, timeoutMs: 60_000 };

export class DurableProcess {
  readonly app: JimsApp;
  /** From now on nothing that it does reaches the store, and it gets no answer. */
  isDead = false;
  /** Its lease is over, and it does not know. */
  isFrozen = false;
  /** It got a SIGTERM. */
  isLeaving = false;
  instanceId = '';
  readonly #world: ProcessWorld;
  readonly #held: (() => void)[] = [];
  readonly #death = Promise.withResolvers<void>();
  #isGone = false;

  static async start(world: ProcessWorld, pipelineOf: PipelineOf): Promise<DurableProcess> {
    const process = new DurableProcess(world, pipelineOf);
    const onRunFailed = ({ message, cause = message }: JimsError): void => {
      if (!process.isDead) world.violate(`a run failed: ${String(cause)}`);
    };
    const opened = process.app.open({ limits: LIMITS, onRunFailed });
    // It may die before it is open.
    await Promise.race([opened, process.#death.promise]);
    opened.catch(() => {});
    return process;
  }

  private constructor(world: ProcessWorld, pipelineOf: PipelineOf) {
    this.#world = world;
    this.app = defineApp({ durable: true, store: this.#mortalStore(), pipeline: pipelineOf(this) });
  }

  get isLiving(): boolean {
    return !this.isDead && !this.isFrozen && !this.isLeaving;
  }

  /** As `kill -9`. */
  async die(): Promise<void> {
    if (this.isDead) return;
    this.isDead = true;
    this.#death.resolve();
    await this.#world.busy(() => this.#world.store.endLease(this.instanceId));
  }

  /** As when its machine sleeps, but it goes on: it is taken for dead. */
  async freeze(): Promise<void> {
    this.isFrozen = true;
    await this.#world.busy(() => this.#world.store.endLease(this.instanceId));
  }

  /** Its lease is renewed. */
  async thaw(): Promise<void> {
    if (this.isDead) return;
    const about = { durable: true, draining: false };
    const renew = (): Promise<void> =>
      this.#world.store.renewLease(this.instanceId, 600_000, about);
    this.isFrozen = false;
    await this.#world.busy(renew);
  }

  /** As SIGTERM. */
  async leave(drainMs: number): Promise<void> {
    this.isLeaving = true;
    await Promise.race([this.app.close(drainMs), this.#death.promise]);
  }

  /** Ends what is left of it in the process of the test. */
  async dispose(): Promise<void> {
    if (this.isDead) this.#isGone = true;
    for (const refuse of this.#held) refuse();
    await this.app.close(0);
  }

  /** Resolves never for the dead; rejects at the end of the test. */
  hold(): Promise<never> {
    return new Promise((_, reject) => {
      const refuse = (): void => reject(new JimsError('store_unavailable', 'It is dead'));
      if (this.#isGone) refuse();
      else this.#held.push(refuse);
    });
  }

  #mortalStore(): Store {
    return new Proxy(this.#world.store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || typeof name !== 'string') return member;
        if (name === 'close') return async () => {};
        return (...args: readonly unknown[]) =>
          this.#call(name, args, () => Promise.resolve(member.apply(target, args)));
      },
    });
  }

  async #call(
    name: string,
    args: readonly unknown[],
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    if (name === 'renewLease') this.instanceId = String(args[0]);
    if (this.isFrozen && name === 'renewLease') return undefined;
    if (this.isFrozen && name === 'reapRuns') return { lost: 0, started: [], recovered: [] };
    if (this.isDead) return this.hold();
    const answer = await this.#world.busy(() => this.#callNow(name, args, work));
    return this.isDead ? this.hold() : answer();
  }

  async #callNow(
    name: string,
    args: readonly unknown[],
    work: () => Promise<unknown>,
  ): Promise<() => unknown> {
    const world = this.#world;
    if (POINTS.has(name)) await world.passPoint(this);
    if (this.isDead) return () => undefined;
    let result: unknown;
    try {
      result = await work();
    } catch (error) {
      return () => {
        throw error;
      };
    }
    this.#noteStored(name, args, result);
    if (POINTS.has(name)) await world.passPoint(this);
    if (!world.losesAnswer(name)) return () => result;
    return () => {
      throw new JimsError('store_unavailable', 'The answer was lost');
    };
  }

  #noteStored(name: string, args: readonly unknown[], result: unknown): void {
    if (name === 'storeEntries' && result === 'stored') {
      this.#world.stored((args as Parameters<Store['storeEntries']>)[1]);
    }
  }
}

export type PipelineOf = (process: DurableProcess) => Pipeline;
