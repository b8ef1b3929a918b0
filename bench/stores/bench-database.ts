/** An empty database for one program, on one of the stores. */
export interface BenchDatabase {
  /** As `--db` takes it. */
  readonly url: string;
  /**
   * Gives each of `threads.count` contacts, named `prefix` and a number from 0, a thread of so many
   * events. The program must have made its tables before.
   */
  seed(threads: SeededThreads): Promise<void>;
  count(): Promise<StoredCounts>;
  /** The processes of a server that the store is; none for a store inside the program. */
  processes(): readonly number[];
  /** CPU time so far of these. */
  cpuMs(): number;
}

export interface SeededThreads {
  readonly prefix: string;
  readonly count: number;
  readonly events: number;
  /** Whether all of them are of one contact, named `prefix`; default false. */
  readonly ofOneContact?: boolean;
}

/** What a program has stored. */
export interface StoredCounts {
  readonly threads: number;
  /** Questions and answers. */
  readonly messages: number;
}

export const STORES = ['SQLite', 'PostgreSQL'] as const;
export type StoreName = (typeof STORES)[number];

/** The text of a seeded message. */
export const SEEDED_TEXT = 'Something that was said here some time ago, neither short nor long.';
