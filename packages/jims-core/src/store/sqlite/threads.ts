import type { DatabaseSync } from 'node:sqlite';

import type { JsonObject } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';
import { parseStoredObject } from '../json-text.ts';
import { formatMicros, toPublicTime } from '../timestamp.ts';
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
  byExternalId(externalId: string): Thread | undefined;
  latestOf(contactId: string): Thread | undefined;
  insert(thread: NewThreadRow): Thread;
}

const SELECT = 'SELECT thread_id, contact_id, external_id, created_at, thread_config FROM threads';
const NEWEST_FIRST = 'ORDER BY created_at DESC, thread_id DESC LIMIT 1';

export function threadRows(db: DatabaseSync): ThreadRows {
  const byId = db.prepare(`${SELECT} WHERE thread_id = ?`);
  const byExternalId = db.prepare(`${SELECT} WHERE external_id = ? ${NEWEST_FIRST}`);
  const latestOf = db.prepare(`${SELECT} WHERE contact_id = ? ${NEWEST_FIRST}`);
  const insert = db.prepare(
    'INSERT INTO threads (thread_id, contact_id, external_id, created_at, thread_config) VALUES (?, ?, ?, ?, ?)',
  );
  for (const statement of [byId, byExternalId, latestOf]) statement.setReturnArrays(true);

  return {
    byId: (threadId) => toThread(byId.get(toHex(threadId))),
    byExternalId: (externalId) => toThread(byExternalId.get(externalId)),
    latestOf: (contactId) => toThread(latestOf.get(contactId)),
    insert({ id, contactId, externalId, config }) {
      const createdAt = formatMicros(Date.now() * 1000);
      insert.run(toHex(id), contactId, externalId ?? null, createdAt, JSON.stringify(config));
      return { id, contactId, externalId, createdAt: toPublicTime(createdAt), config };
    },
  };
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
