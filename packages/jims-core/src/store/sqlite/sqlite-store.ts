import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

import { isUnavailable } from '../../errors/jims-error.ts';
import { DirectoryFileStore } from '../files/directory-file-store.ts';
import { MemoryFileStore } from '../files/memory-file-store.ts';
import { readTail } from '../read-tail.ts';
import { threadBusy, threadNotFound } from '../refusals.ts';
import { queryWords } from '../search-words.ts';
import type {
  FileRecords,
  FileStore,
  OutboxStore,
  Store,
  ThreadList,
  ThreadQuery,
} from '../store.ts';
import { ThreadWatchers } from '../thread-watchers.ts';
import { Accepting } from './accepting.ts';
import { Asking } from './asking.ts';
import { CommitGroup } from './commit-group.ts';
import { Health, requireFile } from './health.ts';
import { InstanceRows, noticeOfOthers } from './instances.ts';
import { whenUnlocked } from './lock.ts';
import { asOpenError, openDatabase } from './open-database.ts';
import type { OpenDatabaseOptions } from './open-database.ts';
import { QuestionLists } from './question-list.ts';
import { Recovery } from './recovery.ts';
import { ThreadEraser } from './retention.ts';
import type { Write } from './retention.ts';
import { Tables } from './tables.ts';
import { openThread } from './target-thread.ts';
import { ThreadLine } from './thread-line.ts';
import { RunTransitions } from './transitions.ts';

/**
 * Opens the embedded store: one file, written durably (`WAL`, `synchronous=FULL`).
 *
 * @throws JimsError `store_invalid` when the file is not a database that can be used,
 * `store_unavailable` when another program keeps it locked.
 */
export async function openSqliteStore(
  file: string,
  options: OpenDatabaseOptions = {},
): Promise<Store> {
  const db = await openDatabase(file, options);
  try {
    return sqliteStoreOn(db, file);
  } catch (error) {
    db.close();
    throw asOpenError(error, file);
  }
}

/** The store of one process on a database, which is closed with it. */
export function sqliteStoreOn(db: DatabaseSync, file: string): Store {
  const watchers: ThreadWatchers = new ThreadWatchers(
    watchOtherPrograms(db, () => watchers.wakeAll()),
  );
  const appendedTo = new Set<string>();
  const tables = new Tables(db, (threadId) => appendedTo.add(threadId));
  const { threads, events, log, runs, records, chains, questions } = tables;
  const instances = new InstanceRows(db);
  const { accepting, transitions, recovery } = stateMachine(tables, instances);
  const lists = new QuestionLists(db);
  const health = new Health();
  const group = new CommitGroup(db, health, () => {
    for (const threadId of appendedTo) watchers.wake(threadId);
    appendedTo.clear();
  });
  const write = <T>(work: () => T): Promise<T> => group.write(work);
  const read = <T>(query: () => T | Promise<T>): Promise<T> => health.ofRead(whenUnlocked(query));
  const retention = new ThreadEraser(db, tables, write, watchers);
  const fileStore = fileStoreBeside(file);
  const path = file === ':memory:' ? undefined : resolve(file);
  let isOpen = true;

  /** After a failure it tries to write: reads may work while writes do not. */
  async function ping(): Promise<void> {
    if (health.isWell) await read(() => threads.latestOf(''));
    else await write(() => instances.tryWriting());
    health.requireNoDamage();
    if (path !== undefined) requireFile(path);
  }

  async function close(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    await retention.settle();
    await group.flush();
    watchers.close();
    retention.close();
    await fileStore.close();
    db.close();
  }

  return {
    description: file === ':memory:' ? 'SQLite in memory' : `SQLite ${file}`,
    notice: noticeOfOthers(db),
    shared: false,
    fileStore,
    ping,

    openThread: (spec) => write(() => openThread(tables, spec)),
    thread: (threadId) => read(() => threads.byId(threadId)),
    threadByExternalId: (contactId, externalId) =>
      read(() => threads.byExternalId(contactId, externalId)),
    latestThread: (contactId) => read(() => threads.latestOf(contactId)),
    ...threadLists(tables, { read, write }),
    updateThreadConfig: (threadId, config) => write(() => threads.setConfig(threadId, config)),
    mergeThreadConfig: (threadId, members, within) =>
      write(() => threads.mergeConfig(threadId, members, within)),

    appendEvents: (threadId, added, { whenIdle = false } = {}) =>
      write(() => {
        if (!threads.byId(threadId)) throw threadNotFound(threadId);
        if (whenIdle && runs.count(threadId) > 0) throw threadBusy();
        return events.append(threadId, added);
      }),
    readTail: (threadId, tail) => read(() => readTail(log.tailOf(threadId), tail)),
    pageEvents: (threadId, page) => read(() => log.page(threadId, page)),
    watchThread: (threadId, wake) => watchers.watch(threadId, wake),

    acceptRun: (request) => write(() => accepting.accept(request)),
    appendInRun: (run, added) => write(() => transitions.append(run, added)),
    finishRun: (run, outcome) => write(() => transitions.finish(run, outcome)),
    listRuns: (threadId, page) => read(() => tables.runLists.list(threadId, page)),
    listRunsOf: (threadIds, before) => read(() => tables.runLists.listOf(threadIds, before)),
    runsOfEvents: (threadId, positions) =>
      read(() => tables.runLists.ofEvents(threadId, positions)),
    run: (runId) => read(() => records.byId(runId)),
    runIdByKey: (key) => read(() => records.idByKey(key)),
    activeRun: (threadId) => read(() => records.activeOf(threadId)),
    requestCancel: (runId) => write(() => transitions.requestCancel(runId)),
    pollRuns: (instanceId, runIds) => read(() => records.poll(instanceId, runIds)),
    // Only this process runs the runs of its file, so nobody follows them from another process.
    appendProgress: async () => {},
    readProgress: (seen) => read(() => records.standing(seen.map(({ runId }) => runId))),

    storeEntries: (run, entries) => write(() => transitions.storeEntries(run, entries)),
    loadChain: (chainId) => read(() => chains.load(chainId)),
    releaseRun: (run) => write(() => transitions.release(run)),
    durableRunsOf: (instanceId) => read(() => tables.durable.of(instanceId)),
    retryRun: (request) => write(() => accepting.retry(request)),
    question: (questionId) => read(() => questions.byId(questionId)),
    listQuestions: (query) => read(() => lists.list(query)),
    standing: () => read(() => lists.standing()),

    ...fileRecords(tables, { read, write }),
    ...outboxStore(tables, { read, write }),

    renewLease: (instanceId, leaseMs, about) =>
      write(() => instances.renewLease(instanceId, leaseMs, about)),
    endLease: (instanceId) => write(() => instances.endLease(instanceId)),
    reapRuns: (request) => write(() => recovery.reap(request)),
    listen: async () => {},

    deleteThreads: (which) => retention.deleteThreads(which),
    purge: (limits) => retention.purge(limits),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** How reads and writes of a store are run. */
interface Access {
  readonly read: <T>(query: () => T | Promise<T>) => Promise<T>;
  readonly write: Write;
}

type FileMethods = Pick<Store, keyof FileRecords>;
type ListMethods = Pick<
  Store,
  'listThreads' | 'threadOverview' | 'setFeedback' | 'listFeedback' | 'indexMessages'
>;

function fileRecords({ files }: Tables, { read, write }: Access): FileMethods {
  return {
    beginFile: (begun, limits) => write(() => files.begin(begun, limits)),
    completeFile: (fileId, content) => write(() => files.complete(fileId, content)),
    files: (fileIds) => read(() => files.ready(fileIds)),
    listFiles: (query) => read(() => files.list(query)),
    dropFiles: (fileIds) => write(() => files.erase(fileIds)),
    filesToErase: (options) => write(() => files.toErase(options)),
    forgetFiles: (fileIds) => write(() => files.forget(fileIds)),
  };
}

function outboxStore({ outbox }: Tables, { read, write }: Access): OutboxStore {
  return {
    subscribe: (subscription) => write(() => outbox.subscribe(subscription)),
    subscriptions: (of) => read(() => outbox.subscriptions(of)),
    unsubscribe: (subscription) => write(() => outbox.unsubscribe(subscription)),
    // Most of the time there is nothing: then nothing is written.
    takeDeliveries: async (request) =>
      (await read(() => outbox.isDue(request.kinds))) ? write(() => outbox.take(request)) : [],
    endDelivery: (taken, outcome) => write(() => outbox.end(taken, outcome)),
  };
}

/** Threads as people see them. */
function threadLists(tables: Tables, { read, write }: Access): ListMethods {
  const { commonWords, feedback, noted, overviews, search } = tables;

  /** Most of the time there is nothing: then nothing is written. */
  async function noteSome(): Promise<boolean> {
    return (await read(() => noted.isAny)) && (await write(() => noted.takeSome()));
  }

  async function indexMessages(): Promise<boolean> {
    if (await noteSome()) return true;
    return (await read(() => search.isBehind)) && (await write(() => search.indexSome()));
  }

  async function listThreads({ words, ...query }: ThreadQuery): Promise<ThreadList> {
    await takeIn(words === undefined ? noteSome : indexMessages);
    if (words === undefined) return read(() => tables.threadLists.list(query));
    const wanted = queryWords(words);
    if (!wanted) return NOTHING;
    return read(async () => {
      const walked = commonWords.list(wanted, query);
      if (walked) return walked;
      const found = await search.find(wanted, query.contactId);
      return found.length === 0 ? NOTHING : tables.threadLists.list(query, found);
    });
  }

  return {
    listThreads,
    indexMessages,
    async threadOverview(threadId) {
      await takeIn(noteSome);
      return read(() => overviews.byId(threadId));
    },
    setFeedback: (threadId, messageId, given) =>
      write(() => feedback.set(threadId, messageId, given)),
    listFeedback: (query) => read(() => feedback.list(query)),
  };
}

const NOTHING: ThreadList = { threads: [], more: false };

/** How much of what just came a list or a search takes in before it looks: pieces of about ten milliseconds. */
const MAX_PIECES = 20;

/** Takes in what just came, before a read. That works where nothing can be written, as on a full disk. */
async function takeIn(piece: () => Promise<boolean>): Promise<void> {
  try {
    for (let count = 0; count < MAX_PIECES && (await piece()); count++);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
  }
}

/** Where files are by default: a folder beside the database, which is made for the first file. */
function fileStoreBeside(file: string): FileStore {
  return file === ':memory:' ? new MemoryFileStore() : new DirectoryFileStore(`${file}-files`);
}

interface StateMachine {
  readonly accepting: Accepting;
  readonly transitions: RunTransitions;
  readonly recovery: Recovery;
}

/** All that changes the status of a run. */
function stateMachine(tables: Tables, instances: InstanceRows): StateMachine {
  const line = new ThreadLine(tables);
  const asking = new Asking(tables, line);
  return {
    accepting: new Accepting(tables, line, asking),
    transitions: new RunTransitions(tables, line, asking),
    recovery: new Recovery(tables, line, asking, instances),
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
