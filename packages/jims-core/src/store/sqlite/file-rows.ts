import type { DatabaseSync } from 'node:sqlite';

import { cleanText } from '../../text/clean-text.ts';
import type { FileContent, FileList, FileQuery, FileRecord, NewFileRecord } from '../store.ts';
import {
  fromHex,
  hexOrNull,
  listParameter,
  storedBefore,
  storedNow,
  toHex,
  uuidOrNone,
} from './columns.ts';
import { Conditions, ListStatements } from './list-statements.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { toPublicTime, toStoredTime } from './timestamp.ts';

type FileRow = readonly [
  id: string,
  contactId: string,
  name: string,
  mediaType: string,
  size: number,
  digest: string,
  threadId: string | null,
  createdAt: string,
];

const COLUMNS =
  'f.file_id, f.contact_id, f.name, f.media_type, f.size, f.digest, f.thread_id, f.created_at';
// The files of a thread that is being erased must not be found.
// The first condition is that of the indexes.
const READY = `f.state < 2 AND f.state = 1 AND (
       f.thread_id IS NULL OR EXISTS (SELECT 1 FROM threads t WHERE t.thread_id = f.thread_id))`;
const IDS = '(SELECT value FROM json_each(?1))';
/** Names go at once; the rest when the bytes are gone. */
const ERASE = `UPDATE jims_files SET state = 2, contact_id = '', name = '', thread_id = NULL, event_id = NULL`;

const SQL = {
  bytesOf: sql<readonly [number]>(
    'SELECT coalesce(sum(size), 0) FROM jims_files WHERE contact_id = ? AND state < 2',
  ),
  begin: `INSERT INTO jims_files (file_id, contact_id, name, state, size, thread_id, event_id, created_at)
     VALUES (?, ?, ?, 0, ?, ?, ?, ?)`,
  // A new row at the end of the table instead of a larger one in its place: see jims_activity.
  complete: `REPLACE INTO jims_files (file_id, contact_id, name, state, media_type, size, digest, thread_id,
       event_id, created_at)
     SELECT file_id, contact_id, name, 1, ?2, ?3, ?4, thread_id, event_id, created_at
     FROM jims_files WHERE file_id = ?1 AND state < 2`,
  name: `REPLACE INTO jims_files (file_id, contact_id, name, state, media_type, size, digest, thread_id,
       event_id, created_at)
     SELECT file_id, contact_id, name, state, media_type, size, digest, ?2, ?3, created_at
     FROM jims_files WHERE file_id IN ${IDS} AND state = 1 AND thread_id IS NULL`,
  ready: sql<FileRow>(`SELECT ${COLUMNS} FROM jims_files f
     WHERE f.file_id IN ${IDS} AND ${READY} ORDER BY f.created_at, f.file_id`),
  readyOf: sql<readonly [number]>(`SELECT count(*) FROM jims_files f
     WHERE f.file_id IN ${IDS} AND f.contact_id = ?2 AND ${READY}`),
  erase: `${ERASE} WHERE file_id IN ${IDS} AND state < 2`,
  eraseOfContact: `${ERASE} WHERE rowid IN (
       SELECT rowid FROM jims_files INDEXED BY jims_files_contact WHERE contact_id = ? AND state < 2 LIMIT ?)`,
  eraseOfThread: `${ERASE} WHERE rowid IN (
       SELECT rowid FROM jims_files INDEXED BY jims_files_thread WHERE thread_id = ? AND state < 2 LIMIT ?)`,
  // A message that waits with its run names its files, too.
  unnamed: sql<readonly [id: string, isNamed: number]>(`SELECT f.file_id, f.state = 1 AND (
         EXISTS (SELECT 1 FROM thread_events e WHERE e.thread_id = f.thread_id AND e.event_id = f.event_id)
         OR EXISTS (SELECT 1 FROM jims_runs r WHERE r.run_id = f.event_id AND r.thread_id = f.thread_id
           AND NOT r.incoming_stored AND r.incoming_type IS NOT NULL))
     FROM jims_files f INDEXED BY jims_files_unnamed
     WHERE f.state < 2 AND NOT f.is_named AND f.created_at < ? ORDER BY f.created_at LIMIT ?`),
  markNamed: `UPDATE jims_files SET is_named = 1 WHERE file_id IN ${IDS}`,
  erasing: sql<readonly [id: string]>(
    'SELECT file_id FROM jims_files INDEXED BY jims_files_erasing WHERE state = 2 LIMIT ?',
  ),
  forget: `DELETE FROM jims_files WHERE file_id IN ${IDS} AND state = 2`,
};

/** The rows of `jims_files`. Call writes inside a transaction. */
export class FileRows {
  readonly #lists: ListStatements<FileRow>;
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#lists = new ListStatements(db);
    this.#sql = prepareAll(db, SQL);
  }

  begin(
    { fileId, contactId, name, size, named }: NewFileRecord,
    { maxContactBytes }: { readonly maxContactBytes: number },
  ): 'begun' | 'too_many_bytes' {
    const before = this.#sql.bytesOf.get(contactId)?.[0] ?? 0;
    if (before + size > maxContactBytes) return 'too_many_bytes';
    this.#sql.begin.run(
      toHex(fileId),
      contactId,
      cleanText(name),
      size,
      hexOrNull(named?.threadId),
      hexOrNull(named?.eventId),
      storedNow(),
    );
    return 'begun';
  }

  complete(fileId: string, { mediaType, size, digest }: FileContent): FileRecord | undefined {
    const { changes } = this.#sql.complete.run(toHex(fileId), mediaType, size, digest);
    return changes === 0 ? undefined : this.ready([fileId])[0];
  }

  ready(fileIds: readonly string[]): readonly FileRecord[] {
    return this.#sql.ready.all(idList(fileIds)).map(toFile);
  }

  list({ contactId, threadId, after, ...bounds }: FileQuery): FileList {
    const where = new Conditions(READY);
    if (contactId !== undefined) where.add('f.contact_id = ?', contactId);
    if (threadId !== undefined) where.add('f.thread_id = ?', toHex(threadId));
    if (after) {
      where.add(
        '(f.created_at, f.file_id) > (?, ?)',
        toStoredTime(after.createdAt),
        toHex(after.id),
      );
    }
    const text = `SELECT ${COLUMNS} FROM jims_files f WHERE ${where.text}
       ORDER BY f.created_at, f.file_id`;
    const rows = this.#lists.rows(text, where.values);
    const { rows: taken, more } = boundedRows(
      rows,
      bounds,
      ([, contact, name]) => contact.length + name.length,
    );
    return { files: taken.map(toFile), more };
  }

  /** Whether all of these are ready, and the contact's. */
  areOf(contactId: string, fileIds: readonly string[]): boolean {
    const unique = [...new Set(fileIds)];
    return this.#sql.readyOf.get(idList(unique), contactId)?.[0] === unique.length;
  }

  /** Takes files into the thread of the message that names them, unless they have a thread. */
  name(fileIds: readonly string[], threadId: string, eventId: string): void {
    this.#sql.name.run(idList(fileIds), toHex(threadId), toHex(eventId));
  }

  erase(fileIds: readonly string[]): void {
    this.#sql.erase.run(idList(fileIds));
  }

  /** Marks some files of a contact, or of a thread, and returns how many. */
  eraseSomeOf(which: { contactId: string } | { threadId: string }, limit: number): number {
    const { changes } =
      'contactId' in which
        ? this.#sql.eraseOfContact.run(which.contactId, limit)
        : this.#sql.eraseOfThread.run(toHex(which.threadId), limit);
    return Number(changes);
  }

  toErase({
    unnamedMs,
    limit,
  }: {
    readonly unnamedMs: number;
    readonly limit: number;
  }): readonly string[] {
    const old = this.#sql.unnamed.all(storedBefore(unnamedMs), limit);
    const ids = (isNamed: number): string =>
      listParameter(old.flatMap(([id, each]) => (each === isNamed ? [id] : [])));
    this.#sql.markNamed.run(ids(1));
    this.#sql.erase.run(ids(0));
    return this.#sql.erasing.all(limit).map(([id]) => fromHex(id));
  }

  forget(fileIds: readonly string[]): void {
    this.#sql.forget.run(idList(fileIds));
  }
}

function idList(fileIds: readonly string[]): string {
  return listParameter(fileIds.map(toHex));
}

function toFile([
  id,
  contactId,
  name,
  mediaType,
  size,
  digest,
  threadId,
  createdAt,
]: FileRow): FileRecord {
  return {
    fileId: fromHex(id),
    contactId,
    name,
    mediaType,
    size,
    digest,
    createdAt: toPublicTime(createdAt),
    threadId: uuidOrNone(threadId),
  };
}
