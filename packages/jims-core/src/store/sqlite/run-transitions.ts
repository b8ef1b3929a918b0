import { randomUUIDv7 } from 'node:crypto';

import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';
import type {
  AcceptRequest,
  AcceptResult,
  FinishResult,
  ReapResult,
  RunOutcomeRecord,
  RunOwner,
  RunThread,
  StartedRun,
} from '../store.ts';
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
  const { threads, events, runs } = tables;

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

  /** The incoming event goes into the log once, whoever gets there first. */
  function storeIncoming({ runId, threadId, unstored }: ActiveRun): void {
    if (!unstored) return;
    if (!events.has(threadId, unstored.id)) events.append(threadId, [unstored]);
    runs.markStored(runId);
  }

  function markLost(run: ActiveRun): void {
    storeIncoming(run);
    runs.end(run.runId, { status: 'failed', events: [], error: LOST });
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
      const resolved = resolveThread(request.thread);
      if (!resolved) return { kind: 'thread_not_found' };
      const { thread, created } = resolved;
      const active = created ? 0 : runs.countActive(thread.id);
      if (active > 0 && request.onBusy === 'reject') return { kind: 'thread_busy' };
      if (active > request.queueLimit) return { kind: 'queue_full' };
      const status = active > 0 ? 'queued' : 'running';
      const held = created && request.holdIncomingOnNewThread;
      const stored = status === 'running' && !held;
      runs.insert(request, { threadId: thread.id, status, createdThread: created, stored });
      if (stored && request.incoming) events.append(thread.id, [request.incoming]);
      const accepted = { kind: 'accepted', thread, createdThread: created, status } as const;
      const after = request.known?.threadId === thread.id ? request.known.after : undefined;
      if (status === 'queued' || (!created && !after)) return accepted;
      return { ...accepted, fresh: { after, events: events.read(thread.id, after) } };
    },

    append(run, added) {
      const owned = runs.owned(run);
      if (owned?.status !== 'running') return 'fenced';
      runs.markStored(run.runId);
      return events.append(run.threadId, owned.unstored ? [...added, owned.unstored] : added);
    },

    finish(run, outcome) {
      const owned = runs.owned(run);
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
      const orphans = runs.runningOrphans();
      for (const run of orphans) markLost(run);
      const started = orphans.map((run) => startNext(run.threadId));
      return { lost: orphans.length, started: started.filter((next) => next !== undefined) };
    },
  };
}
