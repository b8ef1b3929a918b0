import { addCallFrames, callerOfNow } from '../errors/call-frames.ts';
import type { Caller } from '../errors/call-frames.ts';
import type { JournalEntry } from '../store/store.ts';
import { JournalCall, keyOf, titleOf } from './journal-call.ts';
import type { Work } from './journal-call.ts';
import { ObservedPromise } from './observed-promise.ts';
import { originOf } from './step-work.ts';

/** The calls that a pipeline has made of its context. */
export class JournalCalls {
  readonly #marksAll: boolean;
  /** Made with the first call: most pipelines make none. */
  #counts: Map<string, number> | undefined;
  /** Those that have no result yet, in their order. */
  #open: Map<string, JournalCall> | undefined;
  readonly #delivered: JournalCall[] = [];
  /** What has failed of that which is made of several calls. */
  readonly #failedWholes: {
    readonly promise: ObservedPromise<unknown>;
    readonly error: unknown;
  }[] = [];

  /** @param marksAll Whether a failure says of every call where it was made, at the cost of that. */
  constructor(marksAll: boolean) {
    this.#marksAll = marksAll;
  }

  /** The first one that waits to be begun. */
  get held(): JournalCall | undefined {
    for (const call of this.#open?.values() ?? []) if (!call.hasBegun) return call;
    return undefined;
  }

  /** The failure of the first one that has failed while nobody waits for it. */
  get ignoredFailure(): { readonly error: unknown } | undefined {
    const inOrder = this.#delivered.toSorted((a, b) => a.at - b.at);
    const ofCall = inOrder.find(({ ignoredFailure }) => ignoredFailure)?.ignoredFailure;
    return ofCall ?? this.#failedWholes.find(({ promise }) => !promise.isObserved);
  }

  /** How many there were of a kind and name. */
  countOf(of: Pick<JournalEntry, 'kind' | 'name'>): number {
    return this.#counts?.get(titleOf(of)) ?? 0;
  }

  /** Makes a call; `at` is how many calls and sends came before it. */
  make<T>(work: Work<T>, at: number): JournalCall<T> {
    const nth = this.countOf(work) + 1;
    (this.#counts ??= new Map()).set(titleOf(work), nth);
    return new JournalCall(work, nth, at, this.#caller(work));
  }

  /** Steps may be many and quick: a stack for each would cost a fifth of one. */
  #caller({ kind }: Pick<JournalEntry, 'kind'>): Caller | undefined {
    return this.#marksAll || kind !== 'step' ? callerOfNow() : undefined;
  }

  /** Lets a call wait for its result. */
  add(call: JournalCall): void {
    (this.#open ??= new Map()).set(call.key, call);
  }

  /** The call of an entry, while it waits for its result. */
  of(entry: JournalEntry): JournalCall | undefined {
    return this.#open?.get(keyOf(entry));
  }

  whole<T>(work: Promise<T>): Promise<T> {
    const caller = callerOfNow();
    const promise = ObservedPromise.of(work, (error) => addCallFrames(originOf(error), caller));
    work.catch((error: unknown) => this.#failedWholes.push({ promise, error }));
    return promise;
  }

  deliver(call: JournalCall, ...result: Parameters<JournalCall['deliver']>): void {
    this.#open?.delete(call.key);
    this.#delivered.push(call);
    call.deliver(...result);
  }
}
