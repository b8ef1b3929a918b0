import type { DatabaseSync } from 'node:sqlite';

import { readTail } from '../read-tail.ts';
import { threadBusy, threadNotFound } from '../refusals.ts';
import type { Store } from '../store.ts';
import { ThreadWatchers } from '../thread-watchers.ts';
import { CommitGroup } from './commit-group.ts';
import { Health } from './health.ts';
import { InstanceRows, noticeOfOthers } from './instances.ts';
import { whenUnlocked } from './lock.ts';
import { openDatabase } from './open-database.ts';
import { ThreadEraser } from './retention.ts';
import { Tables } from './tables.ts';
import { openThread } from './target-thread.ts';
import { RunTransitions } from './transitions.ts';

/**
 * Opens the embedded store: one file, written durably (`WAL`, `synchronous=FULL`).
 *
 * @throws JimsError `store_invalid` when the file is not a database that can be used,
 * `store_unavailable` when another program keeps it locked.
 */
export async function openSqliteStore(file: string): Promise<Store> {
  const db = await openDatabase(file);
  const watchers: ThreadWatchers = new ThreadWatchers(
    watchOtherPrograms(db, () => watchers.wakeAll()),
  );
  const appendedTo = new Set<string>();
  const tables = new Tables(db, (threadId) => appendedTo.add(threadId));
  const { threads, events, log, runs, records } = tables;
  const instances = new InstanceRows(db);
  const transitions = new RunTransitions(tables);
  const group = new CommitGroup(db, () => {
    for (const threadId of appendedTo) watchers.wake(threadId);
    appendedTo.clear();
  });
  const health = new Health();
  const write = <T>(work: () => T): Promise<T> => health.ofWrite(group.write(work));
  const read = <T>(query: () => T | Promise<T>): Promise<T> => health.ofRead(whenUnlocked(query));
  const retention = new ThreadEraser(db, tables, write, watchers);
  let isOpen = true;

  /** After a failure it tries to write: reads may work while writes do not. */
  async function ping(): Promise<void> {
    if (health.isWell) await read(() => threads.latestOf(''));
    else await write(() => instances.tryWriting());
    health.requireNoDamage();
  }

  async function close(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    await retention.settle();
    await group.flush();
    watchers.close();
    retention.close();
    db.close();
  }

  return {
    description: file === ':memory:' ? 'SQLite in memory' : `SQLite ${file}`,
    notice: noticeOfOthers(db),
    shared: false,
    ping,

    openThread: (spec) => write(() => openThread(tables, spec)),
    thread: (threadId) => read(() => threads.byId(threadId)),
    threadByExternalId: (contactId, externalId) =>
      read(() => threads.byExternalId(contactId, externalId)),
    latestThread: (contactId) => read(() => threads.latestOf(contactId)),
    listThreads: (query) => read(() => threads.list(query)),
    updateThreadConfig: (threadId, config) =>
      write(() => {
        threads.setConfig(threadId, config);
        return threads.byId(threadId);
      }),

    appendEvents: (threadId, added, { whenIdle = false } = {}) =>
      write(() => {
        if (!threads.byId(threadId)) throw threadNotFound(threadId);
        if (whenIdle && runs.count(threadId) > 0) throw threadBusy();
        return events.append(threadId, added);
      }),
    readTail: (threadId, tail) => read(() => readTail(log.tailOf(threadId), tail)),
    pageEvents: (threadId, page) => read(() => log.page(threadId, page)),
    watchThread: (threadId, wake) => watchers.watch(threadId, wake),

    acceptRun: (request) => write(() => transitions.accept(request)),
    appendInRun: (run, added) => write(() => transitions.append(run, added)),
    finishRun: (run, outcome) => write(() => transitions.finish(run, outcome)),
    run: (runId) => read(() => records.byId(runId)),
    runIdByKey: (key) => read(() => records.idByKey(key)),
    activeRun: (threadId) => read(() => records.activeOf(threadId)),
    requestCancel: (runId) =>
      write(() => {
        runs.requestCancel(runId);
        return records.statusOf(runId);
      }),
    pollRuns: (instanceId, runIds) => read(() => records.poll(instanceId, runIds)),
    // Only this process runs the runs of its file, so nobody follows them from another process.
    appendProgress: async () => {},
    readProgress: (seen) => read(() => records.standing(seen.map(({ runId }) => runId))),

    renewLease: (instanceId, leaseMs) => write(() => instances.renewLease(instanceId, leaseMs)),
    endLease: (instanceId) => write(() => instances.endLease(instanceId)),
    reapRuns: () => write(() => transitions.reap()),
    listen: async () => {},

    deleteThreads: (which) => retention.deleteThreads(which),
    purge: (limits) => retention.purge(limits),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Returns a check that calls `onWritten` when another program has written to the file since the last check. */
function watchOtherPrograms(db: DatabaseSync, onWritten: () => void): () => void {
  const dataVersion = db.prepare('PRAGMA data_version');
  let seen = dataVersion.get()?.['data_version'];
  return () => {
    let version;
    try {
      version = dataVersion.get()?.['data_version'];
    } catch {
      // The disk is away, which the next read or write finds out; the next check sees what was missed.
      return;
    }
    if (version === seen) return;
    seen = version;
    onWritten();
  };
}
