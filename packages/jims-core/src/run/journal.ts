import type { JournalEntry } from '../store/store.ts';
import { ChainLimits } from './chain-limits.ts';
import { EntryWriter } from './entry-writer.ts';
import { type JournalCall, type Work, type WorkResult, titleOf } from './journal-call.ts';
import { JournalCalls } from './journal-calls.ts';
import { Patience } from './patience.ts';
import { Places, type SentPlace } from './places.ts';
import { Pump } from './pump.ts';
import type { Replay, ReplayedEntry } from './replay.ts';
import { changed } from './run-failure.ts';

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
  /** Whether a failure says of every call where it was made, also of one that nobody awaits. */
  readonly marksCalls?: boolean;
  /** See `RunLimits`. */
  readonly replayWaitMs: number;
  /** Called when the pipeline gets a result of an earlier execution. */
  readonly onReplayed?: ((replayed: ReplayedEntry) => void) | undefined;
}

interface KeptResult {
  readonly entry: JournalEntry;
  readonly call: JournalCall;
}

/**
 * Executes a pipeline over the results that its chain has, and keeps new ones.
 *
 * Results have one order. They are given to the pipeline in that order, one at a time, and all that the
 * pipeline does at once is done before it gets the next one. So a pipeline that waits for its context
 * alone does the same in each execution, also where it waits for several things at once. While results
 * are left no work is begun: a pipeline that takes another way is found before it does anything.
 */
export class Journal {
  readonly part: JournalEntry['part'];
  readonly #options: JournalOptions;
  readonly #entries: readonly ReplayedEntry[];
  readonly #places: Places;
  readonly #limits: ChainLimits;
  readonly #writer: EntryWriter;
  readonly #end = Promise.withResolvers<JournalEnd>();
  readonly #calls: JournalCalls;
  readonly #patience = new Patience();
  readonly #steps = new Pump(() => this.#goOn());
  /** Results that the pipeline has not got yet, in their order. */
  readonly #undelivered: KeptResult[] = [];
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

  constructor(options: JournalOptions) {
    const { replay, part, isDurable, store } = options;
    this.part = part;
    this.#options = options;
    this.#calls = new JournalCalls(options.marksCalls ?? false);
    this.#entries = replay.entriesOf(part);
    this.#places = new Places(
      part === 'main' ? replay.sent : [],
      isDurable ? { chainId: replay.chainId, part } : undefined,
    );
    this.#limits = new ChainLimits(replay.size);
    this.#writer = new EntryWriter({
      store: isDurable ? store : undefined,
      onStored: () => this.#pump(),
      onFailure: (error) => this.#fail(error),
    });
    this.#nextSeq = options.nextSeq;
    this.#newestAt = replay.beganAt;
  }

  /** Which run of its chain the pipeline is at: one more with each answer. */
  get segment(): number {
    return this.#segment;
  }

  /** Whether results of an earlier execution are left. */
  get isReplaying(): boolean {
    return this.#next < this.#entries.length;
  }

  /** Whether the next event that the pipeline sends is in the log already. */
  get isRepeating(): boolean {
    return this.#places.missing !== undefined;
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
      (error: unknown) => this.#fail(this.#hasUnmetEntry ? changed('it fails', error) : error),
    );
    return this.#end.promise;
  }

  /** How many calls of a kind and name there were. */
  readonly countOf = (kind: JournalEntry['kind'], name: string): number =>
    this.#calls.countOf({ kind, name });

  /** Does a piece of work, or gives the result that it had. */
  call<T>(work: Work<T>): Promise<T> {
    const call = this.#calls.make(work, this.#places.call());
    this.#isParked ||= this.#isParking;
    // Otherwise the next execution comes here again, and this one gets no further.
    if (!this.#isOver && !this.#asking && !this.#isParked) {
      const isFirst = this.#calls.held === undefined;
      if (this.isReplaying || !isFirst) call.hold();
      this.#calls.add(call);
      if (!this.isReplaying && isFirst) this.#begin(call);
    }
    this.#pump();
    return call.promise;
  }

  /** Work that is made of several calls. Its failure is the run's when nobody waits for it, as that of a call. */
  readonly whole: JournalCalls['whole'] = (work) => this.#calls.whole(work);

  /**
   * Says where an event belongs that the pipeline sends now.
   *
   * @throws JimsError `step_nested` inside of work that is kept.
   */
  send(type: string): SentPlace {
    if (this.#asking || this.#isParked) return { kind: 'dropped' };
    const position = this.#places.send(type);
    if (position.kind !== 'other') return position;
    this.#fail(changed(`it sends '${type}' where it had sent '${position.event.type}'`));
    return { kind: 'dropped' };
  }

  /**
   * The run is stopped: from now on a failure is not a result. When it `goesOn` in another process, its pipeline
   * gets no further here: without the results of what was stopped it would take another way.
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

  /** The entries to be stored with the question that a call asked, which is the last of them. */
  entriesWith(call: JournalCall, questionId: string): readonly JournalEntry[] {
    const last = this.#entryOf(call, { outcome: { kind: 'asked', questionId } });
    return [...this.#writer.unstored, last];
  }

  /** Whether the pipeline has not made the call of a result that is left. */
  get #hasUnmetEntry(): boolean {
    return this.#entries.slice(this.#next).some(({ entry }) => !this.#calls.of(entry));
  }

  #begin(call: JournalCall): void {
    const { begin, name } = call;
    call.hasBegun = true;
    if (!begin) {
      this.#asking = call;
      return;
    }
    this.#underWay++;
    void begin(`${this.#options.replay.keyOf(this.part)}/${name}/${call.nth}`).then((result) => {
      this.#underWay--;
      if (!this.#isOver) this.#keep(call, result);
    });
  }

  #keep(call: JournalCall, result: WorkResult): void {
    // It failed because of the stop: the pipeline may learn of it, the journal does not.
    if (this.#isStopped && result.outcome.kind === 'error') {
      if (!this.#isParked) this.#calls.deliver(call, result.outcome);
      return this.#pump();
    }
    const entry = this.#entryOf(call, result);
    const fault = this.#limits.count(entry);
    if (fault) return this.#fail(fault);
    this.#undelivered.push({ entry, call });
    this.#writer.add(entry);
    this.#pump();
  }

  #entryOf(call: JournalCall, result: WorkResult): JournalEntry {
    const { part, stamp } = this.#options;
    return call.entryOf(result, { seq: this.#nextSeq++, part, ...stamp });
  }

  /** Goes on, as far as there is something to do: most calls and sends come while there is not. */
  #pump(): void {
    const isWaiting = this.#hasReturned || this.#asking || this.#isParking || this.isReplaying;
    const next = this.#undelivered[0];
    if (isWaiting || (next && this.#writer.mayDeliver(next.entry))) this.#steps.go();
  }

  /** Does one thing; returns whether there may be more to do. */
  #goOn(): boolean {
    if (this.#isOver) return false;
    if (this.#isParking) return this.#goOnParking();
    const entry = this.#entries[this.#next];
    if (entry) return this.#replay(entry);
    if (this.#asking) return this.#goOnAsking(this.#asking);
    const held = this.#calls.held;
    if (held) this.#begin(held);
    return held !== undefined || this.#giveResult() || this.#finishWhenDone();
  }

  #goOnAsking(call: JournalCall): false {
    if (this.#underWay > 0 || !this.#writer.isDone) return false;
    const fault = this.#places.lostAtReplay ?? this.#limits.count({ kind: 'ask' });
    if (fault) this.#fail(fault);
    else this.#over({ kind: 'asked', call });
    return false;
  }

  /** The pipeline may return before it waits for what only its next execution gives. */
  #goOnParking(): false {
    const next = this.#calls.held ?? this.#asking ?? this.#undelivered[0];
    if (!this.#isParked && !this.isReplaying && !next) return this.#finishWhenDone();
    if (this.#underWay === 0 && this.#writer.isDone) this.#over({ kind: 'parked' });
    return false;
  }

  /** Gives the pipeline the next result, which must be stored when the chain is durable. */
  #giveResult(): boolean {
    const [result] = this.#undelivered;
    if (!result || !this.#writer.mayDeliver(result.entry)) return false;
    this.#undelivered.shift();
    this.#newestAt = result.entry.at;
    this.#calls.deliver(result.call, result.entry.outcome);
    return true;
  }

  #replay({ entry, answer }: ReplayedEntry): boolean {
    const call = this.#calls.of(entry);
    const what = `its ${titleOf(entry)}`;
    if (!call) {
      if (this.#hasReturned) this.#fail(changed(`it returns before ${what}`));
      else this.#waitFor(what);
      return false;
    }
    if (!call.isOf(entry)) {
      this.#fail(changed(`${what} comes at another place or has another input`));
      return false;
    }
    this.#patience.end();
    this.#next++;
    this.#newestAt = entry.at;
    if (answer) this.#segment++;
    this.#options.onReplayed?.({ entry, answer });
    this.#calls.deliver(call, entry.outcome, answer);
    return true;
  }

  /** The pipeline may be busy with something that is not of its context. */
  #waitFor(what: string): void {
    const held = this.#calls.held;
    if (!held) return;
    const fault = changed(`it comes to its ${held.title} before ${what}`);
    this.#patience.begin(this.#options.replayWaitMs, () => this.#fail(fault));
  }

  #finishWhenDone(): false {
    const isDone = this.#hasReturned && this.#underWay === 0 && this.#undelivered.length === 0;
    if (isDone) this.#finish();
    return false;
  }

  /** The pipeline has returned and has all results. A failure that nobody waits for is the run's. */
  #finish(): void {
    const ignored = this.#calls.ignoredFailure;
    const { missing } = this.#places;
    if (ignored) this.#fail(ignored.error);
    else if (missing) this.#fail(changed(`it returns before it sends its '${missing.type}'`));
    else this.#over({ kind: 'returned' });
  }

  #over(end: JournalEnd): void {
    this.#isOver = true;
    this.#patience.end();
    this.#end.resolve(end);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#patience.end();
    this.#end.reject(error);
  }
}
