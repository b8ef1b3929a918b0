import { AsyncLocalStorage } from 'node:async_hooks';

import { addCallFrames, callerOfNow } from '../errors/call-frames.ts';
import type { Caller } from '../errors/call-frames.ts';
import type { EntryOutcome, JournalEntry } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { ObservedPromise } from './observed-promise.ts';
import { originOf } from './step-work.ts';

/** Something that a pipeline awaits of its context, and that is done once. */
export interface Work<T> {
  readonly kind: JournalEntry['kind'];
  readonly name: string;
  /** A digest of its input. */
  readonly input?: string | undefined;
  /** Does it; never rejects. Left out for a question: the run ends with it. */
  readonly begin?: (key: string) => Promise<WorkResult>;
  /** Makes what the pipeline gets; may send events. What it throws the pipeline gets. */
  readonly read: (outcome: EntryOutcome, answer: ThreadEvent | undefined) => T;
}

/** What work gave, as it is kept: an error is a result, too. */
export interface WorkResult {
  readonly outcome: EntryOutcome;
  readonly usage?: JournalEntry['usage'];
}

/** A call of a pipeline, until it has its result. */
export class JournalCall<T = unknown> {
  readonly work: Work<T>;
  /** Which one of its kind and name it is, from 1 on. */
  readonly nth: number;
  /** How many calls and sends came before it. */
  readonly at: number;
  readonly promise: ObservedPromise<T>;
  readonly #give: (outcome: EntryOutcome, answer: ThreadEvent | undefined) => void;
  /** Where it was made; `undefined`: a failure says where it is awaited. */
  #caller: Caller | undefined;
  #begin: Work<T>['begin'];
  #failure: { readonly error: unknown } | undefined;
  hasBegun = false;

  constructor(work: Work<T>, nth: number, at: number, caller: Caller | undefined) {
    this.work = work;
    this.nth = nth;
    this.at = at;
    this.#caller = caller;
    this.#begin = work.begin;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = ObservedPromise.of(promise, (error) => {
      addCallFrames(originOf(error), this.#caller ?? callerOfNow());
    });
    // Not assigned at once: V8 takes a function that is written into a member for a method, which lives long, and
    // keeps it until the next full collection, with all of the run that it reaches.
    const give = (outcome: EntryOutcome, answer: ThreadEvent | undefined): void => {
      try {
        resolve(work.read(outcome, answer));
        this.#caller = undefined;
      } catch (error) {
        this.#failure = { error };
        reject(error);
      }
    };
    this.#give = give;
  }

  get name(): string {
    return this.work.name;
  }

  /** See `Work.begin`. */
  get begin(): Work<T>['begin'] {
    return this.#begin;
  }

  /** It is begun later, in another asynchronous context: its work has that of now. */
  hold(): void {
    this.#begin = this.#begin && AsyncLocalStorage.bind(this.#begin);
  }

  get key(): string {
    return keyOf({ ...this.work, nth: this.nth });
  }

  /** For messages: `step 'refund'`. */
  get title(): string {
    return titleOf(this.work);
  }

  /** Its failure, when it has failed and nobody waits for it. */
  get ignoredFailure(): { readonly error: unknown } | undefined {
    return this.promise.isObserved ? undefined : this.#failure;
  }

  /** Whether an entry was made at this call. */
  isOf({ call, input }: JournalEntry): boolean {
    return call === this.at && (input === undefined || input === this.work.input);
  }

  /** Its result as an entry. */
  entryOf(
    { outcome, usage }: WorkResult,
    stamp: Pick<JournalEntry, 'seq' | 'part' | 'runId' | 'attempt' | 'version'>,
  ): JournalEntry {
    const { kind, name, input } = this.work;
    return {
      ...stamp,
      kind,
      name,
      nth: this.nth,
      call: this.at,
      ...(input !== undefined && { input }),
      outcome,
      ...(usage && { usage }),
      at: Date.now(),
    };
  }

  /** Gives the pipeline its result. */
  deliver(outcome: EntryOutcome, answer?: ThreadEvent): void {
    this.#give(outcome, answer);
  }
}

/** What tells the entries, and the calls, of a pipeline apart. */
export function keyOf({ kind, name, nth }: Pick<JournalEntry, 'kind' | 'name' | 'nth'>): string {
  return `${kind}/${name}/${nth}`;
}

/** For messages to people. */
export function titleOf({ kind, name }: Pick<JournalEntry, 'kind' | 'name'>): string {
  return name === '' ? kind : `${kind} '${name}'`;
}
