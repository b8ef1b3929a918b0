import type { DatabaseSync } from 'node:sqlite';

import { Chains } from './chains.ts';
import { DurableRuns } from './durable-runs.ts';
import { EventRows } from './events.ts';
import { JournalRows } from './journal.ts';
import { LogReads } from './log-reads.ts';
import { QuestionRows } from './questions.ts';
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
  readonly durable: DurableRuns;
  readonly journal: JournalRows;
  readonly chains: Chains;
  readonly questions: QuestionRows;

  /** @param onAppended Called inside the transaction that appends to a thread's log. */
  constructor(db: DatabaseSync, onAppended: (threadId: string) => void) {
    this.threads = new ThreadRows(db);
    this.events = new EventRows(db, onAppended);
    this.log = new LogReads(db);
    this.runs = new RunRows(db);
    this.questions = new QuestionRows(db);
    this.records = new RunRecords(db, this);
    this.durable = new DurableRuns(db);
    this.journal = new JournalRows(db);
    this.chains = new Chains(db, this);
  }
}
