import type { EntryOutcome, JournalEntry } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { drained } from './drained.ts';
import { ChainLimits, changed, isSameCall } from './journal-faults.ts';
import { ObservedPromise } from './observed-promise.ts';
import { Places } from './places.ts';
import type { SendPlace } from './places.ts';
import type { Replay, ReplayedEntry } from './replay.ts';

/** Something that a pipeline awaits of its context, and that is done once. */
export interface Work {
  readonly kind: JournalEntry['kind'];
  readonly name: string;
  /** A digest of its input. */
  readonly input?: string | undefined;
  /** Does it; never rejects. Left out for a question: the run ends with it. */
  readonly begin?: (key: string) => Promise<WorkResult>;
  /** Makes what the pipeline gets; may send events. What it throws the pipeline gets. */
  readonly read: (result: EntryOutcome, answer: ThreadEvent | undefined) => unknown;
}

/** What work gave, as it is kept: an error is a result, too. */
export interface WorkResult {
  readonly outcome: EntryOutcome;
  readonly usage?: JournalEntry['usage'];
}

/** How an execution ended that did not fail. */
export type JournalEnd =
  | { readonly kind: 'returned' }
  /** It waits for the answer to this call. */
  | { readonly kind: 'asked'; readonly call: JournalCall }
  /** It came to its next call after `park`: another process goes on. */
  | { readonly kind: 'parked' };

export interface JournalOptions {
  readonly part: JournalEntry['part'];
  /** Whether results are stored one by one; else they are stored with a question. */
  readonly isDurable: boolean;
  readonly replay: Replay;
  /** The number of its first new entry. */
  readonly nextSeq: number;
  /** What the entries of one attempt have in common. */
  readonly stamp: Pick<JournalEntry, 'runId' | 'attempt' | 'version'>;
  /** Stores results; rejects when this process may not, or cannot. */
  readonly store: (entries: readonly JournalEntry[]) => Promise<void>;
}

/** A call of a pipeline. */
export interface JournalCall {
  readonly key: string;
  readonly work: Work;
  readonly nth: number;
  /** How many calls and sends came before it. */
  readonly at: number;
  readonly result: PromiseWithResolvers<unknown>;
  readonly promise: ObservedPromise<unknown>;
  hasBegun: boolean;
}

interface KeptResult {
  readonly entry: JournalEntry;
  readonly call: JournalCall;
}

/** How long a replay waits for a pipeline that is busy with something else than its context. */
const PATIENCE_MS = 10_000;

/**
 * Executes a pipeline over the results that its chain has, and keeps new ones.
 *
 * Results have one order. They are given to the pipeline in that order, one at a time, and all that the
 * pipeline does at once is done before it gets the next one. So a pipeline that waits for its context
 * alone does the same in each execution, also where it waits for several things at once. While results
 * are left no work is begun: a pipeline that takes another way is found before it does anything.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #entries: readonly ReplayedEntry[];
  readonly #places: Places;
  readonly #limits: ChainLimits;
  readonly #end = Promise.withResolvers<JournalEnd>();
  readonly #counts = new Map<string, number>();
  /** The calls that have no result yet, in their order. */
  readonly #calls = new Map<string, JournalCall>();
  readonly #failed: { readonly call: JournalCall; readonly error: unknown }[] = [];
  /** Results that the pipeline has not got yet, and those that are not stored yet; in their order. */
  readonly #undelivered: KeptResult[] = [];
  readonly #unstored: JournalEntry[] = [];
  /** The next result of the replay. */
  #next = 0;
  #nextSeq: number;
  #segment = 0;
  #underWay = 0;
  #newestAt: number;
  #asking: JournalCall | undefined;
  #hasReturned = false;
  #isStopped = false;
  #isParking = false;
  /** Whether a call came after `park`: the pipeline waits for it, and gets no further. */
  #isParked = false;
  #isOver = false;
  #isStoring = false;
  #isPumping = false;
  #pumpsAgain = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(options: JournalOptions) {
    const { replay, part, isDurable } = options;
    const { chainId } = replay;
    this.#options = options;
    this.#entries = replay.entriesOf(part);
    this.#places = new Places(
      part === 'main' ? replay.sent : [],
      isDurable ? { chainId, part } : undefined,
    );
    this.#limits = new ChainLimits(replay.size);
    this.#nextSeq = options.nextSeq;
    this.#newestAt = replay.beganAt;
  }

  get part(): JournalEntry['part'] {
    return this.#options.part;
  }

  /** Which run of its chain the pipeline is at: one more with each answer. */
  get segment(): number {
    return this.#segment;
  }

  /** Whether results of an earlier execution are left. */
  get isReplaying(): boolean {
    return this.#next < this.#entries.length;
  }

  /** When the newest result was made that the pipeline has, or when the chain began. */
  get newestAt(): number {
    return this.#newestAt;
  }

  /** The number of the next entry. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Executes a pipeline. Rejects with what it throws, and when it may not go on. */
  execute(pipeline: () => Promise<unknown>): Promise<JournalEnd> {
    pipeline().then(
      () => {
        this.#hasReturned = true;
        this.#pump();
      },
      (error: unknown) => this.#fail(this.#hasUnmetEntry ? changed('it fails earlier') : error),
    );
    return this.#end.promise;
  }

  /** How many calls of a kind and name there were. */
  countOf(kind: Work['kind'], name: string): number {
    return this.#counts.get(`${kind}/${name}`) ?? 0;
  }

  /** Does a piece of work, or gives the result that it had. */
  call(work: Work): Promise<unknown> {
    const nth = this.countOf(work.kind, work.name) + 1;
    this.#counts.set(`${work.kind}/${work.name}`, nth);
    const result = Promise.withResolvers<unknown>();
    const promise = ObservedPromise.of(result.promise);
    const key = keyOf({ ...work, nth });
    const call = { key, work, nth, at: this.#places.call(), result, promise, hasBegun: false };
    this.#isParked ||= this.#isParking;
    // The next execution comes here again, and this one gets no further.
    if (!this.#isOver && !this.#asking && !this.#isParked) {
      const isFirst = this.#held === undefined;
      this.#calls.set(key, call);
      if (!this.isReplaying && isFirst) this.#begin(call);
    }
    this.#pump();
    return promise;
  }

  /** Says where an event belongs that the pipeline sends now; `dropped` when a later execution sends it. */
  send(
    type: string,
  ): Exclude<SendPlace, { readonly kind: 'other' }> | { readonly kind: 'dropped' } {
    if (this.#asking || this.#isParked) return { kind: 'dropped' };
    const place = this.#places.send(type);
    if (place.kind !== 'other') return place;
    this.#fail(changed(`it sends '${type}' where it had sent '${place.event.type}'`));
    return { kind: 'dropped' };
  }

  /**
   * The run is stopped: from now on a failure is not kept. When the run `goesOn` in another process, its
   * pipeline gets no further in this one: by the failure of its stop it would take another way.
   */
  stop({ goesOn }: { readonly goesOn: boolean }): void {
    this.#isStopped = true;
    this.#isParking ||= goesOn;
    this.#isParked ||= goesOn;
    this.#pump();
  }

  /** Begins nothing new: when what is under way is stored, another process goes on. */
  park(): void {
    this.#isParking = true;
    this.#pump();
  }

  /** The entries to be stored with the end of the run: those of a question, which `asked` is. */
  entriesWith(call: JournalCall, questionId: string): readonly JournalEntry[] {
    const asked = this.#entryOf(call, { outcome: { kind: 'asked', questionId } });
    return [...this.#unstored, asked];
  }

  get #held(): JournalCall | undefined {
    for (const call of this.#calls.values()) if (!call.hasBegun) return call;
    return undefined;
  }

  /** Whether the pipeline has not made the call of a result that is left. */
  get #hasUnmetEntry(): boolean {
    return this.#entries.slice(this.#next).some(({ entry }) => !this.#calls.has(keyOf(entry)));
  }

  #begin(call: JournalCall): void {
    const { begin, name } = call.work;
    call.hasBegun = true;
    if (!begin) {
      this.#asking = call;
      return;
    }
    this.#underWay++;
    void begin(`${this.#options.replay.chainId}/${name}/${call.nth}`).then((result) => {
      this.#underWay--;
      if (!this.#isOver) this.#keep(call, result);
    });
  }

  #keep(call: JournalCall, result: WorkResult): void {
    const { outcome } = result;
    // It failed because of the stop: the pipeline may learn of it, the journal does not.
    if (this.#isStopped && outcome.kind === 'error') {
      if (!this.#isParked) this.#deliver(call, outcome);
      return this.#pump();
    }
    const entry = this.#entryOf(call, result);
    const fault = this.#limits.count(entry);
    if (fault) return this.#fail(fault);
    this.#undelivered.push({ entry, call });
    this.#unstored.push(entry);
    if (this.#options.isDurable && !this.#isStoring) void this.#storeAll();
    this.#pump();
  }

  /** One statement at a time: what comes meanwhile goes with the next one. */
  async #storeAll(): Promise<void> {
    this.#isStoring = true;
    try {
      while (this.#unstored.length > 0 && !this.#isOver) {
        const entries = [...this.#unstored];
        await this.#options.store(entries);
        this.#unstored.splice(0, entries.length);
        this.#pump();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isStoring = false;
  }

  #entryOf({ work, nth, at }: JournalCall, { outcome, usage }: WorkResult): JournalEntry {
    const { kind, name, input } = work;
    return {
      seq: this.#nextSeq++,
      part: this.#options.part,
      kind,
      name,
      nth,
      call: at,
      ...(input !== undefined && { input }),
      outcome,
      ...(usage && { usage }),
      at: Date.now(),
      ...this.#options.stamp,
    };
  }

  #deliver(call: JournalCall, outcome: EntryOutcome, answer?: ThreadEvent): void {
    this.#calls.delete(call.key);
    try {
      call.result.resolve(call.work.read(outcome, answer));
    } catch (error) {
      this.#failed.push({ call, error });
      call.result.reject(error);
    }
  }

  #pump(): void {
    if (this.#isPumping) {
      this.#pumpsAgain = true;
      return;
    }
    // Most calls and sends come while there is nothing to give to the pipeline, and no end.
    const isWaiting = this.#hasReturned || this.#asking || this.#isParking;
    if (!this.isReplaying && this.#undelivered.length === 0 && !isWaiting) return;
    this.#isPumping = true;
    void this.#pumpNow().then(() => {
      this.#isPumping = false;
      if (!this.#pumpsAgain) return;
      this.#pumpsAgain = false;
      this.#pump();
    });
  }

  async #pumpNow(): Promise<void> {
    do await drained();
    while (!this.#isOver && this.#goOn());
  }

  /** Does one thing; returns whether there may be more to do. */
  #goOn(): boolean {
    if (this.#isParking && this.#isAtRest) return this.#over({ kind: 'parked' });
    const entry = this.#entries[this.#next];
    if (entry) return this.#isParking ? false : this.#replay(entry);
    const held = this.#held;
    if (held && !this.#asking && !this.#isParking) {
      this.#begin(held);
      return true;
    }
    if (this.#asking) {
      const isStored = !this.#options.isDurable || this.#unstored.length === 0;
      return this.#underWay === 0 && isStored
        ? this.#over({ kind: 'asked', call: this.#asking })
        : false;
    }
    if (!this.#isParking && this.#giveResult()) return true;
    const isDone = this.#underWay === 0 && this.#undelivered.length === 0 && !this.#isParked;
    return this.#hasReturned && isDone ? this.#finish() : false;
  }

  /** Whether the pipeline waits for what only its next execution gives, and nothing is under way. */
  get #isAtRest(): boolean {
    const waits = this.#isParked || this.#undelivered.length > 0 || this.#held || this.isReplaying;
    return Boolean(waits) && this.#underWay === 0 && this.#unstored.length === 0;
  }

  /** Gives the pipeline the next result, which must be stored when the chain is durable. */
  #giveResult(): boolean {
    const [result] = this.#undelivered;
    if (!result) return false;
    const { entry, call } = result;
    if (this.#options.isDurable && this.#unstored.includes(entry)) return false;
    this.#undelivered.shift();
    this.#newestAt = entry.at;
    this.#deliver(call, entry.outcome);
    return true;
  }

  #replay({ entry, answer }: ReplayedEntry): boolean {
    const call = this.#calls.get(keyOf(entry));
    const what = `its ${entry.kind} '${entry.name}'`;
    if (!call) {
      if (this.#hasReturned) this.#fail(changed(`it returns before ${what}`));
      else this.#waitFor(what);
      return false;
    }
    if (!isSameCall(call, entry)) {
      this.#fail(changed(`${what} comes at another place or has another input`));
      return false;
    }
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#next++;
    this.#newestAt = entry.at;
    if (answer) this.#segment++;
    this.#deliver(call, entry.outcome, answer);
    return true;
  }

  /** The pipeline may be busy with something that is not of its context. */
  #waitFor(what: string): void {
    const held = this.#held;
    if (!held || this.#patience) return;
    const { kind, name } = held.work;
    const fault = changed(`it comes to its ${kind} '${name}' before ${what}`);
    this.#patience = setTimeout(() => this.#fail(fault), PATIENCE_MS).unref();
  }

  /** The pipeline has returned and has all results. A failure that nobody waits for is the run's. */
  #finish(): false {
    const ignored = this.#failed
      .filter(({ call }) => !call.promise.isObserved)
      .toSorted((a, b) => a.call.at - b.call.at);
    const [first] = ignored;
    const { missing } = this.#places;
    if (first) this.#fail(first.error);
    else if (missing) this.#fail(changed(`it returns before it sends its '${missing.type}'`));
    else this.#over({ kind: 'returned' });
    return false;
  }

  #over(end: JournalEnd): false {
    this.#isOver = true;
    clearTimeout(this.#patience);
    this.#end.resolve(end);
    return false;
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#patience);
    this.#end.reject(error);
  }
}

function keyOf({ kind, name, nth }: Pick<JournalEntry, 'kind' | 'name' | 'nth'>): string {
  return `${kind}/${name}/${nth}`;
}
