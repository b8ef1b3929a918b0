import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { finishedBefore } from '../finished-before.ts';
import type {
  FinishResult,
  JournalEntry,
  RunOutcomeRecord,
  RunOwner,
  RunStatus,
} from '../store.ts';
import type { Asking } from './asking.ts';
import type { Tables } from './tables.ts';
import { CANCELLED } from './thread-line.ts';
import type { ThreadLine } from './thread-line.ts';

/** What becomes of a run once it is accepted. Call each method inside a transaction of its own. */
export class RunTransitions {
  readonly #tables: Tables;
  readonly #line: ThreadLine;
  readonly #asking: Asking;

  constructor(tables: Tables, line: ThreadLine, asking: Asking) {
    this.#tables = tables;
    this.#line = line;
    this.#asking = asking;
  }

  append(run: RunOwner, added: readonly NewEvent[]): readonly ThreadEvent[] | 'fenced' {
    const { runs, events } = this.#tables;
    const owned = runs.owned(run);
    if (owned?.status !== 'running') return 'fenced';
    runs.markStarted(run.runId, added);
    runs.markStored(run.runId);
    return events.append(run.threadId, owned.unstored ? [...added, owned.unstored] : added);
  }

  storeEntries(run: RunOwner, entries: readonly JournalEntry[]): 'stored' | 'fenced' {
    const { runs, durable, journal } = this.#tables;
    const running = runs.chainOfRunning(run);
    if (!running) return 'fenced';
    journal.add(running.chainId, entries);
    if (running.recoveries > 0) durable.noteProgress(run.runId);
    return 'stored';
  }

  finish(run: RunOwner, outcome: RunOutcomeRecord): FinishResult {
    const { runs, events, records, journal } = this.#tables;
    const { entries = [], question } = outcome;
    const owned = runs.owned(run);
    if (!owned) return finishedBefore(records.byId(run.runId), run, outcome);
    if (owned.status === 'queued') {
      runs.withdraw(run.runId, outcome);
      return { kind: 'finished', events: [], next: undefined };
    }
    if (question && this.#asking.isTooMuch(run.threadId, question)) {
      return { kind: 'too_many_questions' };
    }
    this.#line.storeIncoming(owned);
    const stored = events.append(run.threadId, outcome.events);
    journal.add(owned.chainId, entries);
    runs.end(run.runId, outcome);
    if (question) this.#asking.open(owned, question);
    return { kind: 'finished', events: stored, next: this.#line.startNext(run.threadId) };
  }

  release(run: RunOwner): 'released' | 'fenced' {
    const { runs, durable } = this.#tables;
    if (!runs.owned(run)?.durable) return 'fenced';
    durable.release(run.runId);
    return 'released';
  }

  requestCancel(runId: string): RunStatus | undefined {
    const { runs, records } = this.#tables;
    const run = runs.active(runId);
    if (!run) return this.#cancelQuestion(runId);
    if (run.durable && !run.alive) {
      this.#line.cancel(run, CANCELLED);
      if (run.status === 'running') this.#line.startNext(run.threadId);
    } else {
      runs.requestCancel(runId);
    }
    return records.statusOf(runId);
  }

  #cancelQuestion(runId: string): RunStatus | undefined {
    const record = this.#tables.records.byId(runId);
    if (record?.question?.state === 'open') this.#asking.withdraw(record.question, 'cancelled');
    return record?.status;
  }
}
