import type { DatabaseSync } from 'node:sqlite';

import { EventRows } from './events.ts';
import { LogReads } from './log-reads.ts';
import { RunRecords } from './run-records.ts';
import { RunRows } from './runs.ts';
import { ThreadRows } from './threads.ts';

/** The tables that threads and their runs are kept in. */
export class Tables {
  readonly threads: ThreadRows;
  readonly events: EventRows;
  readonly log: LogReads;
  readonly runs: RunRows;
  readonly records: RunRecords;

  /** @param onAppended Called inside the transaction that appends to a thread's log. */
  constructor(db: DatabaseSync, onAppended: (threadId: string) => void) {
    this.threads = new ThreadRows(db);
    this.events = new EventRows(db, onAppended);
    this.log = new LogReads(db);
    this.runs = new RunRows(db);
    this.records = new RunRecords(db, this.threads, this.log);
  }
}
