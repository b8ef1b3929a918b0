import { RETRIED_CODES } from '../store/store.ts';
import type { RunOwner, RunRecord, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RunExecution } from './execution.ts';
import { FollowedRuns } from './followed-runs.ts';
import { fromProgress } from './progress-rows.ts';
import { RecentRuns } from './recent-runs.ts';
import { ReleasingMap } from './releasing-map.ts';
import type { NumberedRunEvent, RunEnd } from './run-events.ts';
import type { Run } from './run.ts';
import type { StopReason } from './stop-switch.ts';
import { endOfRecord, storedRun } from './stored-run.ts';
import type { Traces } from './trace/traces.ts';
import type { OwnRuns } from './turns.ts';

/**
 * Finds runs, wherever they are: executed by this process, ended here a while ago, executed by another
 * process, or over and in the store.
 */
export class RunRegistry implements OwnRuns {
  readonly #store: Store;
  readonly #executions = new ReleasingMap<string, RunExecution>();
  readonly #recent = new RecentRuns();
  readonly #followed: FollowedRuns;
  readonly #stored = new StoredRuns();
  readonly #traces: Traces | undefined;

  /** `closing` ends the following of other processes' runs, and the tracing. */
  constructor(store: Store, logger: Logger, closing: AbortSignal, traces: Traces | undefined) {
    this.#traces = traces;
    closing.addEventListener('abort', () => traces?.close(), { once: true });
    this.#store = store;
    this.#followed = new FollowedRuns(store, logger, closing);
  }

  /** Has the run until its execution is removed. */
  add(execution: RunExecution): void {
    const { runId } = execution.owner;
    // An earlier attempt, of when this process was taken for dead, is over whatever it does.
    this.#executions.get(runId)?.stop('lost');
    this.#executions.set(runId, execution);
  }

  /** The execution is over; a later attempt of its run stays. */
  remove(execution: RunExecution, end: RunEnd): void {
    const { owner, run, stream, sentBytes } = execution;
    if (this.#executions.get(owner.runId) !== execution) return;
    this.#executions.delete(owner.runId);
    // The store says as much of most runs, and clearing away what many runs leave in memory costs
    // more than the runs.
    const hasMore = stream.toldMore || end.type !== 'result';
    if (hasMore && !mayRunAgain(end)) this.#recent.add(run, stream, sentBytes);
  }

  /** The execution of a run in this process. */
  execution(runId: string): RunExecution | undefined {
    return this.#executions.get(runId);
  }

  get owners(): readonly RunOwner[] {
    return [...this.#executions.values()].map(({ owner }) => owner);
  }

  get counts(): { readonly running: number; readonly queued: number } {
    const all = [...this.#executions.values()];
    const queued = all.filter(({ status }) => status === 'queued').length;
    return { queued, running: all.length - queued };
  }

  stop(runId: string, reason: StopReason): void {
    this.#executions.get(runId)?.stop(reason);
  }

  /** Leaves the durable runs to other processes, each at its next call. */
  parkAll(): void {
    for (const execution of this.#executions.values()) execution.park();
  }

  stopAll(reason: StopReason): void {
    for (const execution of this.#executions.values()) execution.stop(reason);
  }

  lose({ runId, attempt }: RunOwner): void {
    const execution = this.#executions.get(runId);
    if (execution?.owner.attempt === attempt) execution.stop('lost');
  }

  async find(runId: string): Promise<Run | undefined> {
    const execution = this.#executions.get(runId);
    if (!execution) {
      const known =
        this.#recent.get(runId) ?? this.#followed.find(runId) ?? this.#stored.get(runId);
      if (known) return known;
    } else if (!this.#store.shared) return execution.run;
    const record = await this.#store.run(runId);
    // A process that was taken for dead may not know yet that another one runs it again.
    if (execution && (!record || record.attempt === execution.owner.attempt)) return execution.run;
    return record && this.#ofRecord(record);
  }

  /** Forgets the runs of a thread that is deleted, and stops those of this process. */
  drop(threadId: string): void {
    this.#recent.drop(threadId);
    this.#stored.drop(threadId);
    this.#traces?.drop([threadId]);
    for (const execution of this.#executions.values()) {
      if (execution.owner.threadId === threadId) execution.stop('cancelled');
    }
  }

  async #ofRecord(record: RunRecord): Promise<Run> {
    const end = endOfRecord(record);
    if (!end) return this.#followed.follow(record);
    const run = storedRun(record, end, await this.#progressOf(record));
    if (isFinal(end)) this.#stored.add(run);
    return run;
  }

  async #progressOf({ runId, attempt }: RunRecord): Promise<readonly NumberedRunEvent[]> {
    const [news] = await this.#store.readProgress([{ runId, attempt, afterSeq: 0 }]);
    // It may run again by now, which is not the attempt of the record.
    if (news?.attempt !== attempt) return [];
    return news.progress.flatMap((progress) => fromProgress(progress, attempt));
  }
}

/** Runs read from the store: all readers of one share a copy, which is gone with its last reader. */
class StoredRuns {
  readonly #runs = new Map<string, WeakRef<Run>>();
  readonly #gone = new FinalizationRegistry((runId: string) => {
    if (!this.#runs.get(runId)?.deref()) this.#runs.delete(runId);
  });

  get(runId: string): Run | undefined {
    return this.#runs.get(runId)?.deref();
  }

  add(run: Run): void {
    this.#runs.set(run.id, new WeakRef(run));
    this.#gone.register(run, run.id);
  }

  drop(threadId: string): void {
    for (const [runId, run] of this.#runs) {
      if (run.deref()?.thread.id === threadId) this.#runs.delete(runId);
    }
  }
}

/** Whether a run may run again, here or in another process: then only the store knows its state. */
function mayRunAgain(end: RunEnd): boolean {
  if (end.type === 'cancelled') return end.reason === 'disconnected' || end.goesOn === true;
  return end.type === 'error' && RETRIED_CODES.includes(end.error.code);
}

/** Whether a run can never run again, as far as its end says. */
function isFinal(end: RunEnd): boolean {
  if (end.type === 'cancelled') return end.reason === 'cancelled' || end.reason === 'interrupted';
  // The state of a question changes.
  return end.type === 'result' && end.result.question === undefined;
}
