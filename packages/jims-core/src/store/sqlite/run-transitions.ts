import { newId } from '../../new-id.ts';
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
} from '../store.ts';
import type { KeyedRun } from './run-records.ts';
import { ownedRun } from './runs.ts';
import { createThread } from './tables.ts';
import type { Tables } from './tables.ts';
import { threadLine } from './thread-line.ts';

/** The state machine of a run. Each method is to be called inside a transaction of its own. */
export interface RunTransitions {
  accept(request: AcceptRequest): AcceptResult;
  append(run: RunOwner, events: readonly NewEvent[]): readonly ThreadEvent[] | 'fenced';
  finish(run: RunOwner, outcome: RunOutcomeRecord): FinishResult;
  reap(): ReapResult;
}

const NOTHING_GIVEN = { threadId: undefined, externalId: undefined, events: [] };

export function runTransitions(tables: Tables): RunTransitions {
  const { threads, events, runs, records } = tables;
  const line = threadLine(tables);

  function resolveThread(target: RunThread): { thread: Thread; created: boolean } | undefined {
    if (target.kind === 'thread') {
      const thread = threads.byId(target.threadId);
      const foreign = target.contactId !== undefined && target.contactId !== thread?.contactId;
      return thread && !foreign ? { thread, created: false } : undefined;
    }
    const { contactId, threadConfig: config } = target;
    const latest = target.kind === 'latest' ? threads.latestOf(contactId) : undefined;
    if (latest) return { thread: latest, created: false };
    const given = target.kind === 'new' ? target : NOTHING_GIVEN;
    const { threadId: id = newId(), externalId, events: first } = given;
    const thread = createThread(tables, { id, contactId, externalId, config });
    events.append(thread.id, first);
    return { thread, created: true };
  }

  function hasMoved(target: RunThread): boolean {
    if (target.kind !== 'thread' || !target.after) return false;
    const { threadId, after } = target;
    const said = { after, domains: ['comm'], limit: 1 };
    return runs.countActive(threadId) > 0 || events.page(threadId, said).length > 0;
  }

  function enter(request: AcceptRequest, thread: Thread, created: boolean): AcceptResult {
    const place = line.join(request, thread.id, created);
    if ('kind' in place) return place;
    const held = created && request.holdIncomingOnNewThread;
    const stored = place.status === 'running' && !held;
    runs.insert(request, { threadId: thread.id, ...place, createdThread: created, stored });
    if (stored && request.incoming) events.append(thread.id, [request.incoming]);
    const first = { runId: request.runId, attempt: 1, createdThread: created, started: false };
    const news = place.status === 'running' ? fresh(request, thread, created) : {};
    return { kind: 'accepted', ...first, ...place, thread, ...news };
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

  /** What the caller does not have of the thread yet, when it can be told from here. */
  function fresh(
    { known }: AcceptRequest,
    { id }: Thread,
    created: boolean,
  ): { fresh?: FreshEvents } {
    const after = known?.threadId === id ? known.after : undefined;
    return created || after ? { fresh: { after, events: events.read(id, after) } } : {};
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
      if (hasMoved(target)) return { kind: 'thread_moved' };
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
      line.storeIncoming(owned);
      const stored = events.append(run.threadId, outcome.events);
      runs.end(run.runId, outcome);
      return { kind: 'finished', events: stored, next: line.startNext(run.threadId) };
    },

    reap() {
      const orphans = runs.orphans();
      for (const run of orphans) line.markLost(run);
      const started = orphans.map((run) => line.startNext(run.threadId));
      return { lost: orphans.length, started: started.filter((next) => next !== undefined) };
    },
  };
}
