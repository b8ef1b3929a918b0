import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { finishedBefore } from '../finished-before.ts';
import type {
  AcceptRequest,
  AcceptResult,
  EventPosition,
  FinishResult,
  FreshEvents,
  ReapResult,
  RunOutcomeRecord,
  RunOwner,
  RunThread,
  StartedRun,
} from '../store.ts';
import { storedTimeOf } from './log-reads.ts';
import type { KeyedRun } from './run-records.ts';
import type { ActiveRun } from './runs.ts';
import type { Tables } from './tables.ts';
import { findTargetThread } from './target-thread.ts';
import type { FoundThread } from './target-thread.ts';

const LOST = {
  code: 'lost',
  message: 'The process that ran it ended before it was finished',
} as const;

/** How a run enters its thread: it runs at once, or waits in the queue. */
interface Entry {
  readonly status: 'queued' | 'running';
  /** The runs that were asked to stop for it. */
  readonly interrupted: readonly StartedRun[];
}

/** The state machine of a run. Call each method inside a transaction of its own. */
export class RunTransitions {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  accept(request: AcceptRequest): AcceptResult {
    const { records } = this.#tables;
    const { idempotency, thread: target } = request;
    const keyed = idempotency && records.byKey(idempotency);
    if (keyed && keyed.fingerprint !== idempotency.fingerprint) return { kind: 'key_reused' };
    if (keyed?.lost) return this.#enterAgain(request, keyed);
    if (keyed) return { kind: 'existing', runId: keyed.runId };
    const found = findTargetThread(this.#tables, target);
    if (found.kind !== 'found') return found;
    if (this.#hasMoved(target)) return { kind: 'thread_moved' };
    return this.#enter(request, found);
  }

  append(run: RunOwner, added: readonly NewEvent[]): readonly ThreadEvent[] | 'fenced' {
    const { runs, events } = this.#tables;
    const owned = runs.owned(run);
    if (owned?.status !== 'running') return 'fenced';
    runs.markStarted(run.runId, added);
    runs.markStored(run.runId);
    return events.append(run.threadId, owned.unstored ? [...added, owned.unstored] : added);
  }

  finish(run: RunOwner, outcome: RunOutcomeRecord): FinishResult {
    const { runs, events, records } = this.#tables;
    const owned = runs.owned(run);
    if (!owned) return finishedBefore(records.byId(run.runId), run, outcome);
    if (owned.status === 'queued') {
      runs.withdraw(run.runId, outcome);
      return { kind: 'finished', events: [], next: undefined };
    }
    this.#storeIncoming(owned);
    const stored = events.append(run.threadId, outcome.events);
    runs.end(run.runId, outcome);
    return { kind: 'finished', events: stored, next: this.#startNext(run.threadId) };
  }

  reap(): ReapResult {
    const orphans = this.#tables.runs.orphans();
    for (const run of orphans) this.#markLost(run);
    const started = orphans.map((run) => this.#startNext(run.threadId));
    return { lost: orphans.length, started: started.filter((next) => next !== undefined) };
  }

  /** Whether a thread went on after the event that the request continues. */
  #hasMoved(target: RunThread): boolean {
    if (target.kind !== 'thread' || !target.after) return false;
    const { runs, log } = this.#tables;
    if (runs.count(target.threadId) > 0) return true;
    for (let from: EventPosition | undefined = target.after; from;) {
      const read = log.page(target.threadId, { after: from, domains: ['comm'], limit: 1 });
      if (read.events.length > 0) return true;
      from = read.more ? read.last : undefined;
    }
    return false;
  }

  #enter(request: AcceptRequest, found: FoundThread): AcceptResult {
    const { runId, incoming, holdIncomingOnNewThread } = request;
    const { thread, first } = found;
    const createdThread = first !== undefined;
    const entry = this.#entryFor(request, thread.id, createdThread);
    if ('kind' in entry) return entry;
    const isRunning = entry.status === 'running';
    const isHeld = createdThread && holdIncomingOnNewThread;
    const stored = isRunning && !isHeld && incoming !== undefined;
    const { status } = entry;
    this.#tables.runs.insert(request, { threadId: thread.id, status, createdThread, stored });
    const question = stored ? [{ ...incoming, id: runId }] : [];
    const fresh = isRunning ? this.#appendQuestion(request, found, question) : undefined;
    const run = { runId, attempt: 1, createdThread, started: false };
    return { kind: 'accepted', ...run, ...entry, thread, ...(fresh && { fresh }) };
  }

  /** Runs the lost run of a key again: its question is in the log, unless its turn never came. */
  #enterAgain(request: AcceptRequest, lost: KeyedRun): AcceptResult {
    const { threads, runs } = this.#tables;
    const thread = threads.byId(lost.threadId);
    if (!thread) return { kind: 'thread_not_found' };
    const entry = this.#entryFor(request, thread.id, false);
    if ('kind' in entry) return entry;
    const { runId, createdThread, started } = lost;
    runs.revive(runId, request.instanceId, entry.status);
    const again = { runId, attempt: lost.attempt + 1, createdThread, started };
    return { kind: 'accepted', ...again, ...entry, thread };
  }

  #entryFor(
    { runId, onBusy, queueLimit }: AcceptRequest,
    threadId: string,
    created: boolean,
  ): Entry | { readonly kind: 'thread_busy' | 'queue_full' } {
    const { runs } = this.#tables;
    const before = created ? 0 : runs.count(threadId);
    if (before === 0) return { status: 'running', interrupted: [] };
    if (onBusy === 'reject') return { kind: 'thread_busy' };
    if (before > queueLimit) return { kind: 'queue_full' };
    const interrupted = onBusy === 'interrupt' ? runs.activeIn(threadId) : [];
    for (const run of interrupted) if (run.runId !== runId) runs.requestCancel(run.runId);
    return { status: 'queued', interrupted };
  }

  /** Appends the question, and returns what the caller does not have yet, unless that is too much. */
  #appendQuestion(
    { known }: AcceptRequest,
    { thread, first }: FoundThread,
    question: readonly NewEvent[],
  ): FreshEvents | undefined {
    const { events, log } = this.#tables;
    const after = known?.threadId === thread.id ? known.after : undefined;
    const missed = first ?? (after && log.fresh(thread.id, after));
    if (!missed) {
      events.append(thread.id, question);
      return undefined;
    }
    const newest = missed.at(-1) ?? after;
    const stored = events.appendAfter(
      newest && storedTimeOf(newest.createdAt),
      thread.id,
      question,
    );
    return { after, events: [...missed, ...stored] };
  }

  /** Puts the incoming event into the log, unless another attempt has done so. */
  #storeIncoming({ runId, threadId, unstored }: ActiveRun): void {
    if (!unstored) return;
    const { events, runs } = this.#tables;
    if (!events.has(threadId, unstored.id)) events.append(threadId, [unstored]);
    runs.markStored(runId);
  }

  #markLost(run: ActiveRun): void {
    this.#storeIncoming(run);
    this.#tables.runs.end(run.runId, { status: 'failed', events: [], error: LOST, lastSeq: 0 });
  }

  /** Starts the next run in the queue. Withdrawn runs, and those of dead processes, end as they come. */
  #startNext(threadId: string): StartedRun | undefined {
    const { runs } = this.#tables;
    for (;;) {
      const next = runs.next(threadId);
      if (!next) return undefined;
      if (next.withdrawn) {
        this.#storeIncoming(next);
        runs.end(next.runId, { events: [], ...next.withdrawn });
      } else if (next.alive) {
        this.#storeIncoming(next);
        runs.start(next.runId);
        return { runId: next.runId, instanceId: next.instanceId };
      } else {
        this.#markLost(next);
      }
    }
  }
}
