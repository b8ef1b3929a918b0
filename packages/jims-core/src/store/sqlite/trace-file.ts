import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { StoredTrace, TraceBounds, TraceStore } from '../trace-store.ts';

/** A crash of the machine may cost the last traces: nobody waits for them. */
const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA busy_timeout = 100;
PRAGMA secure_delete = ON;
`;

const VERSION = 1;
const TABLES = `
CREATE TABLE IF NOT EXISTS traces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  thread_id TEXT NOT NULL,
  size INTEGER NOT NULL,
  trace TEXT NOT NULL,
  UNIQUE (run_id, attempt)
) STRICT;
CREATE INDEX IF NOT EXISTS traces_of_threads ON traces (thread_id);
PRAGMA user_version = ${VERSION};
`;

export interface TraceFileOptions {
  readonly file: string;
  readonly bounds: TraceBounds;
  /** Gets what the file does not take. */
  readonly fallback: TraceStore;
  /** Called once. */
  readonly onFailure: (error: unknown) => void;
}

/** Opens a file of traces, which may be that of an earlier process. Never throws. */
export function openTraceFile(options: TraceFileOptions): TraceStore {
  try {
    mkdirSync(dirname(options.file), { recursive: true });
    const database = new DatabaseSync(options.file);
    try {
      database.exec(SETTINGS);
      const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
      if (Number(version) > VERSION) throw new Error('The file is of a newer version of JIMS');
      database.exec(TABLES);
      return new TraceFile(database, options);
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    options.onFailure(error);
    return options.fallback;
  }
}

/** Keeps traces in a SQLite file of their own. */
class TraceFile implements TraceStore {
  readonly #database: DatabaseSync;
  readonly #options: TraceFileOptions;
  #hasFailed = false;

  constructor(database: DatabaseSync, options: TraceFileOptions) {
    this.#database = database;
    this.#options = options;
  }

  put(trace: StoredTrace): void {
    const { runId, attempt, threadId, json } = trace;
    const isKept = this.#try(() => {
      this.#database
        .prepare(
          `INSERT OR REPLACE INTO traces (run_id, attempt, thread_id, size, trace)
           VALUES (?, ?, ?, ?, ?)`,
        )
        .run(runId, attempt, threadId, json.length, json);
      this.#removeOld();
      return true;
    });
    if (!isKept) this.#options.fallback.put(trace);
  }

  get(runId: string, attempt: number): string | undefined {
    const row = this.#try(() =>
      this.#database
        .prepare('SELECT trace FROM traces WHERE run_id = ? AND attempt = ?')
        .get(runId, attempt),
    );
    return row ? String(row['trace']) : this.#options.fallback.get(runId, attempt);
  }

  attempts(runId: string): readonly number[] {
    const rows = this.#try(() =>
      this.#database.prepare('SELECT attempt FROM traces WHERE run_id = ?').all(runId),
    );
    const inFile = (rows ?? []).map((row) => Number(row['attempt']));
    const all = new Set([...inFile, ...this.#options.fallback.attempts(runId)]);
    return [...all].toSorted((a, b) => a - b);
  }

  drop(threadIds: readonly string[]): void {
    this.#options.fallback.drop(threadIds);
    this.#try(() => {
      const { changes } = this.#database
        .prepare('DELETE FROM traces WHERE thread_id IN (SELECT value FROM json_each(?))')
        .run(JSON.stringify(threadIds));
      // The log has what was erased, too.
      if (changes > 0) this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    });
  }

  close(): void {
    this.#options.fallback.close();
    this.#try(() => this.#database.close());
  }

  /** All that are older than those for which there is room. */
  #removeOld(): void {
    const { traces, size } = this.#options.bounds;
    this.#database
      .prepare(
        `DELETE FROM traces WHERE id IN (
           SELECT id FROM (
             SELECT id, row_number() OVER newest AS nth, sum(size) OVER newest AS total
             FROM traces WINDOW newest AS (ORDER BY id DESC)
           ) WHERE nth > 1 AND (nth > ? OR total > ?)
         )`,
      )
      .run(traces, size);
  }

  #try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!this.#hasFailed) this.#options.onFailure(error);
      this.#hasFailed = true;
      return undefined;
    }
  }
}
