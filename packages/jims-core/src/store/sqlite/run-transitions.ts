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
} from '../store.ts';
import { ownedRun } from './active-runs.ts';
import { storedTimeOf } from './log-reads.ts';
import type { KeyedRun } from './run-records.ts';
import { resolveThread } from './run-thread.ts';
import type { ResolvedThread } from './run-thread.ts';
import type { Tables } from './tables.ts';
import { threadLine } from './thread-line.ts';

/** The state machine of a run. Each method is to be called inside a transaction of its own. */
export interface RunTransitions {
  accept(request: AcceptRequest): AcceptResult;
  append(run: RunOwner, events: readonly NewEvent[]): readonly ThreadEvent[] | 'fenced';
  finish(run: RunOwner, outcome: RunOutcomeRecord): FinishResult;
  reap(): ReapResult;
}

export function runTransitions(tables: Tables): RunTransitions {
  const { threads, events, runs, active, records } = tables;
  const line = threadLine(tables);

  function hasMoved(target: RunThread): boolean {
    if (target.kind !== 'thread' || !target.after) return false;
    return active.count(target.threadId) > 0 || isSaidAfter(target.threadId, target.after);
  }

  function isSaidAfter(threadId: string, after: EventPosition): boolean {
    for (let from: EventPosition | undefined = after; from;) {
      const read = events.page(threadId, { after: from, domains: ['comm'], limit: 1 });
      if (read.events.length > 0) return true;
      from = read.more ? read.last : undefined;
    }
    return false;
  }

  function enter(request: AcceptRequest, resolved: ResolvedThread): AcceptResult {
    const { thread, first } = resolved;
    const { runId, incoming, holdIncomingOnNewThread } = request;
    const createdThread = first !== undefined;
    const place = line.join(request, thread.id, createdThread);
    if ('kind' in place) return place;
    const isRunning = place.status === 'running';
    const held = createdThread && holdIncomingOnNewThread;
    const stored = isRunning && !held && incoming !== undefined;
    runs.insert(request, { threadId: thread.id, ...place, createdThread, stored });
    const question = stored ? [{ ...incoming, id: runId }] : [];
    const fresh = isRunning ? append(request, resolved, question) : undefined;
    const run = { runId, attempt: 1, createdThread, started: false };
    return { kind: 'accepted', ...run, ...place, thread, ...(fresh && { fresh }) };
  }

  /** Appends what starts a run, and tells what the caller does not have yet when it can be told from here. */
  function append(
    { known }: AcceptRequest,
    { thread, first }: ResolvedThread,
    question: readonly NewEvent[],
  ): FreshEvents | undefined {
    const after = known?.threadId === thread.id ? known.after : undefined;
    const missed = first ?? (after && events.fresh(thread.id, after));
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

  /** The lost run of a key once more: its question is in the log already, unless it never got its turn. */
  function enterAgain(request: AcceptRequest, lost: KeyedRun): AcceptResult {
    const thread = threads.byId(lost.threadId);
    if (!thread) return { kind: 'thread_not_found' };
    const place = line.join(request, thread.id, false);
    if ('kind' in place) return place;
    const { runId, createdThread, started } = lost;
    runs.revive(runId, request.instanceId, place.status);
    const again = { runId, attempt: lost.attempt + 1, createdThread, started };
    return { kind: 'accepted', ...again, ...place, thread };
  }

  return {
    accept(request) {
      const { idempotency, thread: target } = request;
      const keyed = idempotency && records.byKey(idempotency);
      if (keyed && keyed.fingerprint !== idempotency.fingerprint) return { kind: 'key_reused' };
      if (keyed?.lost) return enterAgain(request, keyed);
      if (keyed) return { kind: 'existing', runId: keyed.runId };
      const resolved = resolveThread(tables, target);
      if (!resolved) return { kind: 'thread_not_found' };
      if (hasMoved(target)) return { kind: 'thread_moved' };
      return enter(request, resolved);
    },

    append(run, added) {
      const owned = ownedRun(active, run);
      if (owned?.status !== 'running') return 'fenced';
      runs.markStarted(run.runId, added);
      runs.markStored(run.runId);
      return events.append(run.threadId, owned.unstored ? [...added, owned.unstored] : added);
    },

    finish(run, outcome) {
      const owned = ownedRun(active, run);
      if (!owned) return finishedBefore(records.byId(run.runId), run, outcome);
      if (owned.status === 'queued') {
        runs.withdraw(run.runId, outcome);
        return { kind: 'finished', events: [], next: undefined };
      }
      line.storeIncoming(owned);
      const stored = events.append(run.threadId, outcome.events);
      runs.end(run.runId, outcome);
      return { kind: 'finished', events: stored, next: line.startNext(run.threadId) };
    },

    reap() {
      const orphans = active.orphans();
      for (const run of orphans) line.markLost(run);
      const started = orphans.map((run) => line.startNext(run.threadId));
      return { lost: orphans.length, started: started.filter((next) => next !== undefined) };
    },
  };
}
