import type { DatabaseSync } from 'node:sqlite';

import { Chains } from './chains.ts';
import { CommonWords } from './common-words.ts';
import { DurableRuns } from './durable-runs.ts';
import { EventRows } from './events.ts';
import { FeedbackRows } from './feedback.ts';
import { FileRows } from './file-rows.ts';
import { JournalRows } from './journal.ts';
import { LogReads } from './log-reads.ts';
import { NotedEvents } from './noted-events.ts';
import { Outbox } from './outbox.ts';
import { QuestionRows } from './questions.ts';
import { RunLists } from './run-lists.ts';
import { RunRecords } from './run-records.ts';
import { RunRows } from './runs.ts';
import { SearchErasing } from './search-erasing.ts';
import { MessageSearch } from './search.ts';
import { Shelves } from './shelves.ts';
import { ThreadLists } from './thread-list.ts';
import { ThreadOverviews } from './thread-overviews.ts';
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
  readonly feedback: FeedbackRows;
  readonly files: FileRows;
  readonly outbox: Outbox;
  readonly noted: NotedEvents;
  readonly overviews: ThreadOverviews;
  readonly threadLists: ThreadLists;
  readonly runLists: RunLists;
  readonly search: MessageSearch;
  readonly commonWords: CommonWords;
  readonly searchErasing: SearchErasing;

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
    this.feedback = new FeedbackRows(db, this);
    this.files = new FileRows(db);
    this.outbox = new Outbox(db);
    this.noted = new NotedEvents(db);
    this.overviews = new ThreadOverviews(db);
    this.threadLists = new ThreadLists(db, this.overviews);
    this.runLists = new RunLists(db, this.records);
    const shelves = new Shelves(db);
    this.search = new MessageSearch(db, shelves);
    this.commonWords = new CommonWords(db, shelves, this.threadLists);
    this.searchErasing = new SearchErasing(db, shelves);
  }
}
