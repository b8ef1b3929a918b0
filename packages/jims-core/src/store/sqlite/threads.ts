import type { DatabaseSync } from 'node:sqlite';

import { JimsError } from '../../errors/jims-error.ts';
import type { JsonObject } from '../../thread/event.ts';
import { SUPERSEDED } from '../../thread/thread.ts';
import type { Thread } from '../../thread/thread.ts';
import { cleanJson } from '../../util/clean-text.ts';
import type { ReadBounds, ThreadList, ThreadQuery } from '../store.ts';
import { asRows, boundedRows } from './bounded-rows.ts';
import { storedBefore } from './columns.ts';
import { parseStoredObject } from './stored-json.ts';
import { formatMicros, toPublicTime, toStoredTime } from './timestamp.ts';
import { fromHex, toHex } from './uuid-hex.ts';

type ThreadRow = [
  id: string,
  contactId: string | null,
  externalId: string | null,
  createdAt: string,
  config: string,
];

type IdleRow = [rowId: number, id: string, isIdle: number];

export interface NewThreadRow {
  readonly id: string;
  readonly contactId: string;
  readonly externalId: string | undefined;
  readonly config: JsonObject;
}

/** The rows of `threads`. Writes are to be called inside a transaction. */
export interface ThreadRows {
  byId(threadId: string): Thread | undefined;
  byExternalId(contactId: string, externalId: string): Thread | undefined;
  /** Takes an external id from the contact's threads that have it, for this one, which is not there yet. */
  supersede(contactId: string, externalId: string, threadId: string): void;
  latestOf(contactId: string): Thread | undefined;
  list(query: ThreadQuery): ThreadList;
  /** @throws JimsError `store_unavailable` while what an earlier thread of this id had is being erased. */
  insert(thread: NewThreadRow): Thread;
  setConfig(threadId: string, config: JsonObject): void;
  delete(threadId: string): void;
  /** Some of the threads of a contact. */
  idsOf(contactId: string, bounds: ReadBounds): readonly string[];
  /**
   * Looks through some threads for those without an event for so long, and without an active run:
   * those with a row after `after`.
   */
  idle(ageMs: number, look: IdleLook): IdleThreads;
}

export interface IdleLook {
  readonly after: number;
  /** How many to find, and how many to look at. */
  readonly limit: number;
  readonly lookAt: number;
}

export interface IdleThreads {
  readonly ids: readonly string[];
  /** The last row that was looked at; `undefined` when all were. */
  readonly last: number | undefined;
}

const SELECT = 'SELECT thread_id, contact_id, external_id, created_at, thread_config FROM threads';
const NEWEST = 'ORDER BY created_at DESC, thread_id DESC LIMIT 1';

export function threadRows(db: DatabaseSync): ThreadRows {
  const byId = db.prepare(`${SELECT} WHERE thread_id = ?`);
  const byExternalId = db.prepare(`${SELECT} WHERE external_id = ? AND contact_id = ? ${NEWEST}`);
  const latestOf = db.prepare(`${SELECT} WHERE contact_id = ? ${NEWEST}`);
  const insert = db.prepare(
    'INSERT INTO threads (thread_id, contact_id, external_id, created_at, thread_config) VALUES (?, ?, ?, ?, ?)',
  );
  const isErasing = db.prepare('SELECT 1 FROM jims_erasing WHERE thread_id = ?');
  const setConfig = db.prepare('UPDATE threads SET thread_config = ? WHERE thread_id = ?');
  const supersede = db.prepare(
    'UPDATE threads SET external_id = ? WHERE external_id = ? AND contact_id = ?',
  );
  const remove = db.prepare('DELETE FROM threads WHERE thread_id = ?');
  const idsOf = db.prepare(
    'SELECT thread_id, octet_length(thread_config) FROM threads WHERE contact_id = ?',
  );
  const idle = db.prepare(
    `SELECT t.rowid, t.thread_id, t.created_at < ?1
       AND NOT EXISTS (SELECT 1 FROM thread_events e WHERE e.thread_id = t.thread_id AND e.created_at >= ?1)
       AND NOT EXISTS (SELECT 1 FROM jims_runs r WHERE r.thread_id = t.thread_id AND r.status = 'running')
       AND NOT EXISTS (SELECT 1 FROM jims_runs r WHERE r.thread_id = t.thread_id AND r.status = 'queued')
     FROM threads t WHERE t.rowid > ?2 ORDER BY t.rowid LIMIT ?3`,
  );
  for (const statement of [byId, byExternalId, latestOf, idsOf, idle]) {
    statement.setReturnArrays(true);
  }

  let newest = 0;

  return {
    byId: (threadId) => found(byId.get(toHex(threadId))),
    byExternalId: (contactId, externalId) => found(byExternalId.get(externalId, contactId)),
    supersede: (contactId, externalId, threadId) =>
      void supersede.run(SUPERSEDED + threadId, externalId, contactId),
    latestOf: (contactId) => found(latestOf.get(contactId)),
    list: (query) => list(db, query),
    setConfig: (threadId, config) => void setConfig.run(cleanJson(config), toHex(threadId)),
    delete: (threadId) => void remove.run(toHex(threadId)),
    idsOf(contactId, bounds) {
      const rows = asRows<[string, number]>(idsOf.iterate(contactId));
      return boundedRows(rows, bounds, ([, bytes]) => bytes).rows.map(([id]) => fromHex(id));
    },
    idle(ageMs, { after, limit, lookAt }) {
      const ids: string[] = [];
      let last = after;
      let lookedAt = 0;
      const rows = asRows<IdleRow>(idle.iterate(storedBefore(ageMs), after, lookAt));
      for (const [rowId, id, isIdle] of rows) {
        if (isIdle === 1) ids.push(fromHex(id));
        last = rowId;
        lookedAt++;
        if (ids.length === limit) break;
      }
      return { ids, last: lookedAt === lookAt || ids.length === limit ? last : undefined };
    },
    insert({ id, contactId, externalId, config }) {
      if (isErasing.get(toHex(id))) {
        const reason = `Thread '${id}' is being erased: try again later`;
        throw new JimsError('store_unavailable', reason);
      }
      // Always later than the one before: the latest thread of a contact must be one.
      newest = Math.max(Date.now() * 1000, newest + 1);
      const createdAt = formatMicros(newest);
      insert.run(toHex(id), contactId, externalId ?? null, createdAt, cleanJson(config));
      return { id, contactId, externalId, createdAt: toPublicTime(createdAt), config };
    },
  };
}

/** Built for each query, as a filter that is not asked for must not keep an index from being used. */
function list(
  db: DatabaseSync,
  { contactId, externalId, current, before, ...bounds }: ThreadQuery,
): ThreadList {
  const conditions: string[] = [];
  const values: string[] = [];
  function where(condition: string, ...given: readonly string[]): void {
    conditions.push(condition);
    values.push(...given);
  }
  if (contactId !== undefined) where('contact_id = ?', contactId);
  if (externalId !== undefined) where('external_id = ?', externalId);
  if (current) where(`coalesce(external_id, '') NOT GLOB ?`, `${SUPERSEDED}*`);
  if (before) {
    where('(created_at, thread_id) < (?, ?)', toStoredTime(before.createdAt), toHex(before.id));
  }
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const statement = db.prepare(`${SELECT} ${filter} ORDER BY created_at DESC, thread_id DESC`);
  statement.setReturnArrays(true);
  const rows = asRows<ThreadRow>(statement.iterate(...values));
  const { rows: taken, more } = boundedRows(rows, bounds, ([, , , , config]) => config.length);
  return { threads: taken.map(toThread), more };
}

function found(row: unknown): Thread | undefined {
  return row === undefined ? undefined : toThread(row as ThreadRow);
}

function toThread([id, contactId, externalId, createdAt, config]: ThreadRow): Thread {
  return {
    id: fromHex(id),
    contactId: contactId ?? undefined,
    externalId: externalId ?? undefined,
    createdAt: toPublicTime(createdAt),
    config: parseStoredObject(config),
  };
}
