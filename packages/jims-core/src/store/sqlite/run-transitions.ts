import { randomUUIDv7 } from 'node:crypto';

import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';
import type {
  AcceptRequest,
  AcceptResult,
  FinishResult,
  FreshEvents,
  ReapResult,
  RunOutcomeRecord,
  RunOwner,
  RunThread,
  StartedRun,
} from '../store.ts';
import type { KeyedRun } from './run-records.ts';
import { ownedRun } from './runs.ts';
import type { ActiveRun } from './runs.ts';
import { createThread } from './tables.ts';
import type { Tables } from './tables.ts';

const LOST = {
  code: 'lost',
  message: 'The process that ran it ended before it was finished',
} as const;

/** The state machine of a run. Each method is to be called inside a transaction of its own. */
export interface RunTransitions {
  accept(request: AcceptRequest): AcceptResult;
  append(run: RunOwner, events: readonly NewEvent[]): readonly ThreadEvent[] | 'fenced';
  finish(run: RunOwner, outcome: RunOutcomeRecord): FinishResult;
  reap(): ReapResult;
}

export function runTransitions(tables: Tables): RunTransitions {
  const { threads, events, runs, records } = tables;

  function resolveThread(target: RunThread): { thread: Thread; created: boolean } | undefined {
    if (target.kind === 'thread') {
      const thread = threads.byId(target.threadId);
      const foreign = target.contactId !== undefined && target.contactId !== thread?.contactId;
      return thread && !foreign ? { thread, created: false } : undefined;
    }
    const { contactId, threadConfig: config } = target;
    const latest = threads.latestOf(contactId);
    if (latest) return { thread: latest, created: false };
    const row = { id: randomUUIDv7(), contactId, externalId: undefined, config };
    return { thread: createThread(tables, row), created: true };
  }

  function enter(request: AcceptRequest, thread: Thread, created: boolean): AcceptResult {
    const line = join(request, thread, created);
    if ('kind' in line) return line;
    const held = created && request.holdIncomingOnNewThread;
    const stored = line.status === 'running' && !held;
    runs.insert(request, { threadId: thread.id, ...line, createdThread: created, stored });
    if (stored && request.incoming) events.append(thread.id, [request.incoming]);
    const first = { runId: request.runId, attempt: 1, createdThread: created, started: false };
    const news = line.status === 'running' ? fresh(request, thread, created) : {};
    return { kind: 'accepted', ...first, ...line, thread, ...news };
  }

  /** The lost run of a key once more: its question is in the log already, unless it never got its turn. */
  function enterAgain(request: AcceptRequest, lost: KeyedRun): AcceptResult {
    const thread = threads.byId(lost.threadId);
    if (!thread) return { kind: 'thread_not_found' };
    const line = join(request, thread, false);
    if ('kind' in line) return line;
    const { runId, createdThread, started } = lost;
    runs.revive(runId, request.instanceId, line.status);
    const again = { runId, attempt: lost.attempt + 1, createdThread, started };
    return { kind: 'accepted', ...again, ...line, thread };
  }

  /** A place in the thread's line, or why there is none. */
  function join(
    { runId, onBusy, queueLimit }: AcceptRequest,
    { id }: Thread,
    created: boolean,
  ):
    | { status: 'queued' | 'running'; interrupted: readonly StartedRun[] }
    | { kind: 'thread_busy' | 'queue_full' } {
    const active = created ? 0 : runs.countActive(id);
    if (active === 0) return { status: 'running', interrupted: [] };
    if (onBusy === 'reject') return { kind: 'thread_busy' };
    if (active > queueLimit) return { kind: 'queue_full' };
    const interrupted = onBusy === 'interrupt' ? runs.activeIn(id) : [];
    for (const before of interrupted) if (before.runId !== runId) runs.requestCancel(before.runId);
    return { status: 'queued', interrupted };
  }

  /** What the caller does not have of the thread yet, when it can be told from here. */
  function fresh(
    { known }: AcceptRequest,
    { id }: Thread,
    created: boolean,
  ): { fresh?: FreshEvents } {
    const after = known?.threadId === id ? known.after : undefined;
    return created || after ? { fresh: { after, events: events.read(id, after) } } : {};
  }

  /** The incoming event goes into the log once, whoever gets there first. */
  function storeIncoming({ runId, threadId, unstored }: ActiveRun): void {
    if (!unstored) return;
    if (!events.has(threadId, unstored.id)) events.append(threadId, [unstored]);
    runs.markStored(runId);
  }

  function markLost(run: ActiveRun): void {
    storeIncoming(run);
    runs.end(run.runId, { status: 'failed', events: [], error: LOST, lastSeq: 0 });
  }

  /** Starts who is next in line; withdrawn runs and those of dead processes end as they come. */
  function startNext(threadId: string): StartedRun | undefined {
    for (;;) {
      const next = runs.next(threadId);
      if (!next) return undefined;
      if (next.withdrawn) {
        storeIncoming(next);
        runs.end(next.runId, { events: [], ...next.withdrawn });
      } else if (next.alive) {
        storeIncoming(next);
        runs.start(next.runId);
        return { runId: next.runId, instanceId: next.instanceId };
      } else {
        markLost(next);
      }
    }
  }

  return {
    accept(request) {
      const { idempotency, thread: target } = request;
      const keyed = idempotency && records.byKey(idempotency);
      if (keyed && keyed.fingerprint !== idempotency.fingerprint) return { kind: 'key_reused' };
      if (keyed?.lost) return enterAgain(request, keyed);
      if (keyed) return { kind: 'existing', runId: keyed.runId };
      const resolved = resolveThread(target);
      if (!resolved) return { kind: 'thread_not_found' };
      return enter(request, resolved.thread, resolved.created);
    },

    append(run, added) {
      const owned = ownedRun(runs, run);
      if (owned?.status !== 'running') return 'fenced';
      runs.markStarted(run.runId, added);
      runs.markStored(run.runId);
      return events.append(run.threadId, owned.unstored ? [...added, owned.unstored] : added);
    },

    finish(run, outcome) {
      const owned = ownedRun(runs, run);
      if (!owned) return { kind: 'fenced' };
      if (owned.status === 'queued') {
        runs.withdraw(run.runId, outcome);
        return { kind: 'finished', events: [], next: undefined };
      }
      storeIncoming(owned);
      const stored = events.append(run.threadId, outcome.events);
      runs.end(run.runId, outcome);
      return { kind: 'finished', events: stored, next: startNext(run.threadId) };
    },

    reap() {
      const orphans = runs.orphans();
      for (const run of orphans) markLost(run);
      const started = orphans.map((run) => startNext(run.threadId));
      return { lost: orphans.length, started: started.filter((next) => next !== undefined) };
    },
  };
}
