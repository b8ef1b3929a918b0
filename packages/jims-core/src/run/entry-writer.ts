import type { JournalEntry } from '../store/store.ts';

export interface EntryWriterOptions {
  /** Left out where entries are stored with the end of their run. */
  readonly store: ((entries: readonly JournalEntry[]) => Promise<void>) | undefined;
  readonly onStored: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Stores entries in their order, one statement at a time: what comes meanwhile goes with the next one. */
export class EntryWriter {
  readonly #options: EntryWriterOptions;
  readonly #unstored: JournalEntry[] = [];
  #isWriting = false;

  constructor(options: EntryWriterOptions) {
    this.#options = options;
  }

  /** The entries that are to be stored with the end of the run. */
  get unstored(): readonly JournalEntry[] {
    return this.#unstored;
  }

  /** Whether nothing is left that has to be stored now. */
  get isDone(): boolean {
    return this.#options.store === undefined || this.#unstored.length === 0;
  }

  add(entry: JournalEntry): void {
    this.#unstored.push(entry);
    if (!this.#isWriting) void this.#write();
  }

  /** Whether the pipeline may have an entry. */
  mayDeliver(entry: JournalEntry): boolean {
    return this.isDone || !this.#unstored.includes(entry);
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { store, onStored, onFailure } = this.#options;
    if (!store) return;
    this.#isWriting = true;
    try {
      while (this.#unstored.length > 0) {
        const entries = [...this.#unstored];
        await store(entries);
        this.#unstored.splice(0, entries.length);
        onStored();
      }
    } catch (error) {
      onFailure(error);
    }
    this.#isWriting = false;
  }
}
