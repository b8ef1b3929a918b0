import type { DatabaseSync } from 'node:sqlite';

import { readTail } from '../read-tail.ts';
import type { Store } from '../store.ts';
import { ThreadWatchers } from '../thread-watchers.ts';
import { activeRuns } from './active-runs.ts';
import { createCommitGroup } from './commit-group.ts';
import { erasing } from './erasing.ts';
import { erasure } from './erasure.ts';
import { eventRows } from './events.ts';
import { createHealth } from './health.ts';
import { instanceRows } from './instances.ts';
import { logTruncation } from './log-truncation.ts';
import { openDatabase, whenFree } from './open-database.ts';
import { runRecords } from './run-records.ts';
import { runTransitions } from './run-transitions.ts';
import { runRows } from './runs.ts';
import { noticeOfOthers } from './sole-user.ts';
import { appendTo, openThread } from './tables.ts';
import type { Tables } from './tables.ts';
import { tailSource } from './tail-source.ts';
import { threadRows } from './threads.ts';

/**
 * Opens the embedded store: one file, written durably (`WAL`, `synchronous=FULL`).
 *
 * @throws JimsError `store_invalid` when the file is not a database that can be used,
 * `store_unavailable` when another program keeps it locked.
 */
export async function openSqliteStore(file: string): Promise<Store> {
  const db = await openDatabase(file);
  const threads = threadRows(db);
  const watchers: ThreadWatchers = new ThreadWatchers(lookAtOthers(db, () => watchers.wakeAll()));
  const appendedTo = new Set<string>();
  const events = eventRows(db, (threadId) => appendedTo.add(threadId));
  const runs = runRows(db);
  const records = runRecords(db, { threads, events });
  const tables: Tables = { threads, events, runs, records, active: activeRuns(db) };
  const instances = instanceRows(db);
  const transitions = runTransitions(tables);
  const truncation = logTruncation(db);
  const commits = createCommitGroup(db, () => {
    for (const threadId of appendedTo) watchers.wake(threadId);
    appendedTo.clear();
  });
  const erase = erasing(db, tables);
  const health = createHealth();
  let open = true;

  const group = { write: <T>(work: () => T): Promise<T> => health.ofWrite(commits.write(work)) };
  const read = <T>(query: () => T | Promise<T>): Promise<T> => health.ofRead(whenFree(query));
  const erased = erasure({ group, erase, truncation, watchers });

  /** What only reads may work while nothing can be written: after a failure writing is tried. */
  async function ping(): Promise<void> {
    if (health.isWell()) await read(() => threads.latestOf(''));
    else await group.write(() => instances.tryWriting());
    health.requireNoDamage();
  }

  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    await erased.settle();
    await commits.flush();
    watchers.close();
    truncation.close();
    db.close();
  }

  return {
    description: file === ':memory:' ? 'SQLite in memory' : `SQLite ${file}`,
    notice: noticeOfOthers(db),
    shared: false,
    ping,

    openThread: (spec) => group.write(() => openThread(tables, spec)),
    thread: (threadId) => read(() => threads.byId(threadId)),
    threadByExternalId: (contactId, externalId) =>
      read(() => threads.byExternalId(contactId, externalId)),
    latestThread: (contactId) => read(() => threads.latestOf(contactId)),
    listThreads: (query) => read(() => threads.list(query)),
    updateThreadConfig: (threadId, config) =>
      group.write(() => {
        threads.setConfig(threadId, config);
        return threads.byId(threadId);
      }),

    appendEvents: (threadId, added, { whenIdle = false } = {}) =>
      group.write(() => appendTo(tables, threadId, { added, whenIdle })),
    readTail: (threadId, tail) => read(() => readTail(tailSource(events, threadId), tail)),
    pageEvents: (threadId, page) => read(() => events.page(threadId, page)),
    watchThread: (threadId, wake) => watchers.watch(threadId, wake),

    acceptRun: (request) => group.write(() => transitions.accept(request)),
    appendInRun: (run, added) => group.write(() => transitions.append(run, added)),
    finishRun: (run, outcome) => group.write(() => transitions.finish(run, outcome)),
    run: (runId) => read(() => records.byId(runId)),
    runIdByKey: ({ scope, key }) => read(() => records.idByKey(scope, key)),
    activeRun: (threadId) => read(() => records.activeOf(threadId)),
    requestCancel: (runId) =>
      group.write(() => {
        runs.requestCancel(runId);
        return records.statusOf(runId);
      }),
    pollRuns: (instanceId, runIds) => read(() => records.poll(instanceId, runIds)),
    // Only this process runs what is in its file: who follows a run follows it here.
    appendProgress: async () => {},
    readProgress: (seen) => read(() => records.standing(seen.map(({ runId }) => runId))),

    renewLease: (instanceId, leaseMs) =>
      group.write(() => instances.renewLease(instanceId, leaseMs)),
    endLease: (instanceId) => group.write(() => instances.endLease(instanceId)),
    reapRuns: () => group.write(() => transitions.reap()),
    listen: async () => {},

    deleteThreads: (which) => erased.deleteThreads(which),
    purge: (limits) => erased.purge(limits),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What finds out whether another program has written into the file, too: a number changes then. */
function lookAtOthers(db: DatabaseSync, onWritten: () => void): () => void {
  const dataVersion = db.prepare('PRAGMA data_version');
  let seen = dataVersion.get()?.['data_version'];
  return () => {
    let version;
    try {
      version = dataVersion.get()?.['data_version'];
    } catch {
      // The disk is away, which those who read and write are told: nothing is missed, as it is not seen.
      return;
    }
    if (version === seen) return;
    seen = version;
    onWritten();
  };
}
