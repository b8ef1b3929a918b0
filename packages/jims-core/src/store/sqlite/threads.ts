import type { DatabaseSync } from 'node:sqlite';

import { JimsError } from '../../errors/jims-error.ts';
import { cleanJson } from '../../text/clean-text.ts';
import { isJsonObject } from '../../thread/event.ts';
import type { JsonObject } from '../../thread/event.ts';
import { SUPERSEDED } from '../../thread/thread.ts';
import type { Thread } from '../../thread/thread.ts';
import type { ReadBounds } from '../store.ts';
import { fromHex, storedBefore, toHex } from './columns.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { toThread } from './thread-row.ts';
import type { ThreadRow } from './thread-row.ts';
import { formatMicros, toPublicTime } from './timestamp.ts';

type IdleRow = readonly [rowId: number, id: string, isIdle: number];

export interface NewThreadRow {
  readonly id: string;
  readonly contactId: string;
  readonly externalId: string | undefined;
  readonly config: JsonObject;
}

/** Where a search for idle threads begins, and how far it goes. */
export interface IdleSearch {
  /** Begins after this row. */
  readonly after: number;
  /** How many threads to find at most. */
  readonly limit: number;
  /** How many threads to look at. */
  readonly lookAt: number;
}

export interface IdleThreads {
  readonly ids: readonly string[];
  /** The last row that was looked at; `undefined` when there are no more. */
  readonly last: number | undefined;
}

const SELECT = 'SELECT thread_id, contact_id, external_id, created_at, thread_config FROM threads';
const NEWEST = 'ORDER BY created_at DESC, thread_id DESC LIMIT 1';

const SQL = {
  byId: sql<ThreadRow>(`${SELECT} WHERE thread_id = ?`),
  byExternalId: sql<ThreadRow>(`${SELECT} WHERE external_id = ? AND contact_id = ? ${NEWEST}`),
  latestOf: sql<ThreadRow>(`${SELECT} WHERE contact_id = ? ${NEWEST}`),
  // OR FAIL: see EventRows.
  insert: `INSERT OR FAIL INTO threads (thread_id, contact_id, external_id, created_at, thread_config)
     VALUES (?, ?, ?, ?, ?)`,
  isErasing: sql<readonly [1]>('SELECT 1 FROM jims_erasing WHERE thread_id = ?'),
  setConfig: 'UPDATE threads SET thread_config = ? WHERE thread_id = ?',
  supersede: 'UPDATE threads SET external_id = ? WHERE thread_id = ?',
  supersedeNamed: 'UPDATE threads SET external_id = ? WHERE external_id = ? AND contact_id = ?',
  remove: 'DELETE FROM threads WHERE thread_id = ?',
  idsOf: sql<readonly [id: string, bytes: number]>(
    'SELECT thread_id, octet_length(thread_config) FROM threads WHERE contact_id = ?',
  ),
  idle: sql<IdleRow>(`SELECT t.rowid, t.thread_id, t.created_at < ?1
       AND NOT EXISTS (SELECT 1 FROM thread_events e WHERE e.thread_id = t.thread_id AND e.created_at >= ?1)
       AND NOT EXISTS (SELECT 1 FROM jims_runs r WHERE r.thread_id = t.thread_id AND r.status = 'running')
       AND NOT EXISTS (SELECT 1 FROM jims_runs r WHERE r.thread_id = t.thread_id AND r.status = 'queued')
       AND NOT EXISTS (SELECT 1 FROM jims_questions q WHERE q.thread_id = t.thread_id AND q.state = 'open')
     FROM threads t WHERE t.rowid > ?2 ORDER BY t.rowid LIMIT ?3`),
};

/** The rows of `threads`. Call writes inside a transaction. */
export class ThreadRows {
  readonly #sql: Statements<typeof SQL>;
  /** When the newest thread was made, in microseconds. */
  #newest = 0;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  byId(threadId: string): Thread | undefined {
    return found(this.#sql.byId.get(toHex(threadId)));
  }

  byExternalId(contactId: string, externalId: string): Thread | undefined {
    return found(this.#sql.byExternalId.get(externalId, contactId));
  }

  latestOf(contactId: string): Thread | undefined {
    return found(this.#sql.latestOf.get(contactId));
  }

  /** Some of the threads of a contact. */
  idsOf(contactId: string, bounds: ReadBounds): readonly string[] {
    const rows = this.#sql.idsOf.iterate(contactId);
    return boundedRows(rows, bounds, ([, bytes]) => bytes).rows.map(([id]) => fromHex(id));
  }

  /** Looks for threads without an active run, an open question, and an event in the last `ageMs`. */
  idle(ageMs: number, { after, limit, lookAt }: IdleSearch): IdleThreads {
    const ids: string[] = [];
    let last = after;
    let lookedAt = 0;
    for (const [rowId, id, isIdle] of this.#sql.idle.iterate(storedBefore(ageMs), after, lookAt)) {
      if (isIdle === 1) ids.push(fromHex(id));
      last = rowId;
      lookedAt++;
      if (ids.length === limit) break;
    }
    return { ids, last: lookedAt === lookAt || ids.length === limit ? last : undefined };
  }

  /** @throws JimsError `store_unavailable` while what an earlier thread of this id had is being erased. */
  requireNotErasing(threadId: string): void {
    if (!this.#sql.isErasing.get(toHex(threadId))) return;
    const reason = `Thread '${threadId}' is being erased: try again later`;
    throw new JimsError('store_unavailable', reason);
  }

  insert({ id, contactId, externalId, config }: NewThreadRow): Thread {
    // Always later than the thread before: a contact has one latest thread.
    this.#newest = Math.max(Date.now() * 1000, this.#newest + 1);
    const createdAt = formatMicros(this.#newest);
    this.#sql.insert.run(toHex(id), contactId, externalId ?? null, createdAt, cleanJson(config));
    return { id, contactId, externalId, createdAt: toPublicTime(createdAt), config };
  }

  setConfig(threadId: string, config: JsonObject): Thread | undefined {
    this.#sql.setConfig.run(cleanJson(config), toHex(threadId));
    return this.byId(threadId);
  }

  /** Sets members of the config, or of its member `within`, and removes those that are null. */
  mergeConfig(threadId: string, members: JsonObject, within?: string): Thread | undefined {
    const config = this.byId(threadId)?.config ?? {};
    if (within === undefined) return this.setConfig(threadId, merged(config, members));
    const part = config[within];
    const changed = merged(isJsonObject(part) ? part : {}, members);
    return this.setConfig(threadId, { ...config, [within]: changed });
  }

  /** Marks a thread as replaced by one that is made next, and all others of the contact with its external id. */
  supersede({ id, contactId = '', externalId }: Thread, threadId: string): void {
    const marker = SUPERSEDED + threadId;
    if (externalId === undefined) this.#sql.supersede.run(marker, toHex(id));
    else this.#sql.supersedeNamed.run(marker, externalId, contactId);
  }

  delete(threadId: string): void {
    this.#sql.remove.run(toHex(threadId));
  }
}

function merged(config: JsonObject, members: JsonObject): JsonObject {
  const all = Object.entries({ ...config, ...members });
  return Object.fromEntries(all.filter(([name]) => members[name] !== null));
}

function found(row: ThreadRow | undefined): Thread | undefined {
  return row && toThread(row);
}
