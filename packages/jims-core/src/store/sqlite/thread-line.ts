import type { NewEvent } from '../../thread/event.ts';
import { newId } from '../../thread/new-id.ts';
import { NOBODY } from '../store.ts';
import type { QuestionRecord, RunErrorRecord, StartedRun } from '../store.ts';
import type { ActiveRun } from './active-run.ts';
import type { Tables } from './tables.ts';

const LOST: RunErrorRecord = {
  code: 'lost',
  message: 'The process that ran it ended before it was finished',
};
export const CANCELLED: RunErrorRecord = { code: 'cancelled', message: 'It was cancelled' };
export const DISCONNECTED: RunErrorRecord = {
  code: 'disconnected',
  message: 'Its client was gone when its process ended',
};

/** The queue of a thread: how runs begin, and how those end that no process has. */
export class ThreadLine {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Puts the incoming event into the log, unless another attempt has done so. */
  storeIncoming({ runId, threadId, unstored }: ActiveRun): void {
    if (!unstored) return;
    const { events, runs } = this.#tables;
    if (!events.has(threadId, unstored.id)) events.append(threadId, [unstored]);
    runs.markStored(runId);
  }

  markLost(run: ActiveRun): void {
    this.#end(run, 'failed', LOST);
  }

  /** Ends a run that no process has. */
  cancel(run: ActiveRun, error: RunErrorRecord): void {
    this.#end(run, 'cancelled', error);
  }

  /**
   * Starts the next run in the queue. Withdrawn runs, and those that end with their dead processes, end as
   * they come; `count` counts those that are lost. A durable run whose process is dead is nobody's.
   */
  startNext(threadId: string, count = { lost: 0 }): StartedRun | undefined {
    const { runs, durable } = this.#tables;
    for (;;) {
      const next = runs.next(threadId);
      if (!next) return undefined;
      const { runId, instanceId } = next;
      if (next.withdrawn) {
        this.storeIncoming(next);
        runs.end(runId, { events: [], ...next.withdrawn });
      } else if (next.alive) {
        this.storeIncoming(next);
        runs.start(runId);
        return { runId, instanceId };
      } else if (!next.durable) {
        this.markLost(next);
        count.lost++;
      } else if (next.cancelRequested) {
        this.cancel(next, CANCELLED);
      } else {
        this.storeIncoming(next);
        durable.startForNobody(runId);
        return { runId, instanceId: NOBODY };
      }
    }
  }

  startIfFree(threadId: string): StartedRun | undefined {
    if (this.#tables.records.activeOf(threadId) !== undefined) return undefined;
    return this.startNext(threadId);
  }

  /**
   * Lets a chain go on without an answer: its run is nobody's, and is at the end of the queue. Returns the
   * id of the run.
   */
  goOn({ threadId, chainId, questionId }: QuestionRecord, incoming: Omit<NewEvent, 'id'>): string {
    const { runs } = this.#tables;
    const runId = newId();
    const durable = { chainId, continues: questionId, counted: false };
    const run = { threadId, status: 'queued', createdThread: false, stored: false } as const;
    runs.insert({ runId, instanceId: NOBODY, incoming }, { ...run, durable });
    return runId;
  }

  #end(run: ActiveRun, status: 'failed' | 'cancelled', error: RunErrorRecord): void {
    this.storeIncoming(run);
    this.#tables.runs.end(run.runId, { status, events: [], error, lastSeq: 0 });
  }
}
