import type { TraceEntry } from '../../telemetry/trace.ts';
import { boundedJson, boundedText } from '../../text/bounded-json.ts';
import { jsonSize } from '../../text/json-size.ts';
import { TraceClock, rounded } from './trace-clock.ts';
import { TRACE_LIMITS } from './trace-limits.ts';

/** When an entry began, and how long it took. */
type Moment = Pick<TraceEntry, 'at' | 'ms'>;

/** Whatever is left of the room, a value may have so many characters. */
const LEAST = 200;

/** An entry that may still change. */
export interface OpenEntry<TEntry extends TraceEntry> {
  readonly entry: TEntry;
  /** Milliseconds since it began. */
  readonly ms: number;
  /** Changes some of its members. */
  add(news: Partial<TEntry>): void;
  /** It took until now. */
  end(): void;
}

/** The entries of one attempt of a run, within bounds: those that come when it is full are only counted. */
export class TraceLog {
  readonly #clock = new TraceClock();
  readonly #slots = new Set<Slot<TraceEntry>>();
  #size = 0;
  #leftOut = 0;

  get leftOut(): number {
    return this.#leftOut;
  }

  get entries(): readonly TraceEntry[] {
    return [...this.#slots].map(({ entry }) => entry);
  }

  /** How many characters it can still take. */
  get room(): number {
    return Math.max(0, TRACE_LIMITS.runSize - this.#size);
  }

  /** How many characters one member of an entry may have now. */
  get maxText(): number {
    return Math.max(LEAST, Math.min(TRACE_LIMITS.text, this.room));
  }

  /** A value of any kind, as much of it as may be kept. */
  bounded(value: unknown): unknown {
    return boundedJson(value, this.maxText);
  }

  boundedText(text: string): string {
    return boundedText(text, this.maxText);
  }

  /** Adds an entry that goes on. */
  begin<TEntry extends TraceEntry>(make: (moment: Moment) => TEntry): OpenEntry<TEntry> {
    return this.#add(make, null);
  }

  /** Adds a moment. */
  add<TEntry extends TraceEntry>(make: (moment: Moment) => TEntry): OpenEntry<TEntry> {
    return this.#add(make, 0);
  }

  /** Makes an entry of this moment, without keeping it. */
  moment<TEntry extends TraceEntry>(make: (moment: Moment) => TEntry): TEntry {
    return make({ at: this.#clock.textOf(this.#clock.now), ms: 0 });
  }

  /** Takes an entry out again. */
  remove(entry: OpenEntry<TraceEntry>): void {
    for (const slot of this.#slots) {
      if (slot !== entry) continue;
      this.#slots.delete(slot);
      this.#size -= slot.size;
    }
  }

  /** What still goes on ends now. */
  endAll(): void {
    for (const slot of this.#slots) if (slot.entry.ms === null) slot.end();
  }

  #add<TEntry extends TraceEntry>(
    make: (moment: Moment) => TEntry,
    ms: null | 0,
  ): OpenEntry<TEntry> {
    const began = this.#clock.now;
    const slot = new Slot(make({ at: this.#clock.textOf(began), ms }), began, {
      now: () => this.#clock.now,
      grow: (by) => void (this.#size += by),
    });
    // One that is left out may change as it likes: nobody sees it.
    if (this.#slots.size >= TRACE_LIMITS.entries || slot.size > this.room) this.#leftOut++;
    else {
      this.#slots.add(slot);
      this.#size += slot.size;
    }
    return slot;
  }
}

interface SlotLog {
  readonly now: () => number;
  readonly grow: (by: number) => void;
}

class Slot<TEntry extends TraceEntry> implements OpenEntry<TEntry> {
  readonly #log: SlotLog;
  readonly #began: number;
  entry: TEntry;
  size: number;

  constructor(entry: TEntry, began: number, log: SlotLog) {
    this.#log = log;
    this.#began = began;
    this.entry = entry;
    this.size = jsonSize(entry);
  }

  get ms(): number {
    return rounded(this.#log.now() - this.#began);
  }

  add(news: Partial<TEntry>): void {
    this.entry = { ...this.entry, ...news };
    const before = this.size;
    this.size = jsonSize(this.entry);
    this.#log.grow(this.size - before);
  }

  end(): void {
    this.entry = { ...this.entry, ms: this.ms };
  }
}
