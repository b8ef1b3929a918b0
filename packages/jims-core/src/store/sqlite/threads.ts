import type { DatabaseSync } from 'node:sqlite';

import type { JsonObject } from '../../thread/event.ts';
import { SUPERSEDED } from '../../thread/thread.ts';
import type { Thread } from '../../thread/thread.ts';
import { parseStoredObject } from '../json-text.ts';
import type { ThreadQuery } from '../store.ts';
import { formatMicros, toPublicTime, toStoredTime } from '../timestamp.ts';
import { cell, storedBefore } from './columns.ts';
import { fromHex, toHex } from './uuid-hex.ts';

type ThreadRow = [
  id: string,
  contactId: string | null,
  externalId: string | null,
  createdAt: string,
  config: string,
];

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
  list(query: ThreadQuery): readonly Thread[];
  insert(thread: NewThreadRow): Thread;
  setConfig(threadId: string, config: JsonObject): void;
  delete(threadId: string): void;
  idsOf(contactId: string): readonly string[];
  /** Threads without an event for so long, and without an active run. */
  idle(ageMs: number, limit: number): readonly string[];
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
  const setConfig = db.prepare('UPDATE threads SET thread_config = ? WHERE thread_id = ?');
  const supersede = db.prepare(
    'UPDATE threads SET external_id = ? WHERE external_id = ? AND contact_id = ?',
  );
  const remove = db.prepare('DELETE FROM threads WHERE thread_id = ?');
  const idsOf = db.prepare('SELECT thread_id FROM threads WHERE contact_id = ?');
  const idle = db.prepare(
    `SELECT thread_id FROM threads t
     WHERE t.created_at < ?1
       AND NOT EXISTS (SELECT 1 FROM thread_events e WHERE e.thread_id = t.thread_id AND e.created_at >= ?1)
       AND NOT EXISTS (SELECT 1 FROM jims_runs r WHERE r.thread_id = t.thread_id AND r.status = 'running')
       AND NOT EXISTS (SELECT 1 FROM jims_runs r WHERE r.thread_id = t.thread_id AND r.status = 'queued')
     LIMIT ?2`,
  );
  for (const statement of [byId, byExternalId, latestOf, idsOf, idle]) {
    statement.setReturnArrays(true);
  }

  let newest = 0;

  return {
    byId: (threadId) => toThread(byId.get(toHex(threadId))),
    byExternalId: (contactId, externalId) => toThread(byExternalId.get(externalId, contactId)),
    supersede: (contactId, externalId, threadId) =>
      void supersede.run(SUPERSEDED + threadId, externalId, contactId),
    latestOf: (contactId) => toThread(latestOf.get(contactId)),
    list: (query) => list(db, query),
    setConfig: (threadId, config) => void setConfig.run(JSON.stringify(config), toHex(threadId)),
    delete: (threadId) => void remove.run(toHex(threadId)),
    idsOf: (contactId) => idsOf.all(contactId).map(threadIdIn),
    idle: (ageMs, limit) => idle.all(storedBefore(ageMs), limit).map(threadIdIn),
    insert({ id, contactId, externalId, config }) {
      // Always later than the one before: the latest thread of a contact must be one.
      newest = Math.max(Date.now() * 1000, newest + 1);
      const createdAt = formatMicros(newest);
      insert.run(toHex(id), contactId, externalId ?? null, createdAt, JSON.stringify(config));
      return { id, contactId, externalId, createdAt: toPublicTime(createdAt), config };
    },
  };
}

/** Built for each query, as a filter that is not asked for must not keep an index from being used. */
function list(
  db: DatabaseSync,
  { contactId, externalId, current, before, limit }: ThreadQuery,
): readonly Thread[] {
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
  const statement = db.prepare(
    `${SELECT} ${filter} ORDER BY created_at DESC, thread_id DESC LIMIT ?`,
  );
  statement.setReturnArrays(true);
  return statement
    .all(...values, limit)
    .map(toThread)
    .filter((thread) => thread !== undefined);
}

function threadIdIn(row: unknown): string {
  return fromHex(String(cell(row)));
}

function toThread(row: unknown): Thread | undefined {
  if (row === undefined) return undefined;
  const [id, contactId, externalId, createdAt, config] = row as ThreadRow;
  return {
    id: fromHex(id),
    contactId: contactId ?? undefined,
    externalId: externalId ?? undefined,
    createdAt: toPublicTime(createdAt),
    config: parseStoredObject(config),
  };
}
