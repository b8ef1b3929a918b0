import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { JimsError, describeError, isJimsError } from '../../errors.ts';
import { readTail } from '../read-tail.ts';
import type { Store } from '../store.ts';
import { ThreadWatchers } from '../thread-watchers.ts';
import { activeRuns } from './active-runs.ts';
import { asStoreError, createCommitGroup } from './commit-group.ts';
import { erasing } from './erasing.ts';
import { erasure } from './erasure.ts';
import { eventRows } from './events.ts';
import { instanceRows } from './instances.ts';
import { logTruncation } from './log-truncation.ts';
import { runRecords } from './run-records.ts';
import { runTransitions } from './run-transitions.ts';
import { runRows } from './runs.ts';
import { migrate } from './schema.ts';
import { forgetTheDead, noticeOfOthers } from './sole-user.ts';
import { appendTo, openThread } from './tables.ts';
import type { Tables } from './tables.ts';
import { tailSource } from './tail-source.ts';
import { threadRows } from './threads.ts';

const BUSY_TIMEOUT_MS = 5000;
/**
 * A page that many runs change is moved from the log into the database once for all of them: the more
 * pages the log may have, the fewer are moved. 4000 of 4 KiB are 16 MiB of log, and 8 MiB of cache. A log
 * that a long reader made grow is cut back to 24 MiB. What is removed is overwritten with zeroes.
 */
const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA cache_size = -8192;
PRAGMA journal_size_limit = 25165824;
PRAGMA secure_delete = ON;
`;

/**
 * Opens the embedded store: one file, written durably (`WAL`, `synchronous=FULL`).
 *
 * @throws JimsError `store_invalid` when the file is not a database that can be used.
 */
export function openSqliteStore(file: string): Store {
  const db = openDatabase(file);
  const threads = threadRows(db);
  const watchers: ThreadWatchers = new ThreadWatchers(lookAtOthers(db, () => watchers.wakeAll()));
  const appendedTo = new Set<string>();
  const events = eventRows(db, (threadId) => appendedTo.add(threadId));
  const runs = runRows(db);
  const records = runRecords(db, { threads, events });
  const tables: Tables = { threads, events, runs, records, active: activeRuns(db) };
  const instances = instanceRows(db);
  const transitions = runTransitions(tables);
  const truncation = logTruncation(db, BUSY_TIMEOUT_MS);
  const group = createCommitGroup(db, () => {
    for (const threadId of appendedTo) watchers.wake(threadId);
    appendedTo.clear();
  });
  const erase = erasing(db, tables);
  let open = true;

  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    group.flush();
    watchers.close();
    truncation.close();
    db.close();
  }

  return {
    description: file === ':memory:' ? 'SQLite in memory' : `SQLite ${file}`,
    notice: noticeOfOthers(db),
    shared: false,
    ping: async () => void (await read(() => threads.latestOf(''))),

    openThread: (spec) => group.write(() => openThread(tables, spec)),
    thread: (threadId) => read(() => threads.byId(threadId)),
    threadByExternalId: (externalId) => read(() => threads.byExternalId(externalId)),
    latestThread: (contactId) => read(() => threads.latestOf(contactId)),
    listThreads: (query) => read(() => threads.list(query)),
    updateThreadConfig: (threadId, config) =>
      group.write(() => {
        threads.setConfig(threadId, config);
        return threads.byId(threadId);
      }),

    appendEvents: (threadId, added) => group.write(() => appendTo(tables, threadId, added)),
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

    ...erasure({ group, erase, truncation, watchers }),
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

function openDatabase(file: string): DatabaseSync {
  try {
    if (file !== ':memory:') {
      mkdirSync(dirname(file), { recursive: true });
      forgetTheDead(file);
    }
    const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    db.exec(SETTINGS);
    migrate(db);
    // A file that may only be read says so to the first who writes.
    db.exec('DELETE FROM jims_instances WHERE false');
    return db;
  } catch (error) {
    if (isJimsError(error)) throw error;
    const reason = openFault(error);
    throw new JimsError('store_invalid', `Cannot use '${file}' as a SQLite database: ${reason}`, {
      cause: error,
    });
  }
}

const CANNOT_OPEN = 14;
const READ_ONLY = 8;

/** What SQLite says, and what helps when it is about the file and not about what is in it. */
function openFault(error: unknown): string {
  const { message } = describeError(error);
  switch (primaryCode(error)) {
    case CANNOT_OPEN:
      return `${message}: it is a folder, or this user may not make files there`;
    case READ_ONLY:
      return `${message}: this user may not write to it and to its folder`;
    default:
      return message;
  }
}

/** The lowest byte of SQLite's result codes. */
function primaryCode(error: unknown): number | undefined {
  if (!Error.isError(error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

async function read<T>(query: () => T | Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw asStoreError(error);
  }
}
