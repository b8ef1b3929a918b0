import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { Client } from 'pg';

import { bare } from './facts.ts';

/** What is known of a file. Ids are without hyphens. */
export interface FileRow {
  readonly fileId: string;
  readonly isReady: boolean;
  readonly size: number;
  readonly digest: string | null;
}

/** Bytes that are somewhere; `isHalf` as long as they are being written. */
export interface StoredBytes {
  readonly fileId: string;
  readonly isHalf: boolean;
  readonly size: number;
  readonly digest: string;
  /** The beginning, which names its file. */
  readonly head: string;
}

/** A file that an event of a thread names. */
export interface NamedFile {
  readonly fileId: string;
  readonly threadId: string;
}

/** Files as they are at one moment: what is known, what is there, and what messages name. */
export interface FileFacts {
  readonly rows: readonly FileRow[];
  readonly bytes: readonly StoredBytes[];
  readonly named: readonly NamedFile[];
}

/** Reads a database and its files, with the driver and nothing of ours in between. */
export function readFiles(url: string): Promise<FileFacts> {
  return url.startsWith('sqlite:') ? fromSqlite(url.slice('sqlite:///'.length)) : fromPostgres(url);
}

interface Rows {
  readonly files: readonly {
    readonly file_id: string;
    readonly ready: number;
    readonly size: number;
    readonly digest: string | null;
  }[];
  readonly named: readonly { readonly thread_id: string; readonly file_id: string }[];
}

async function fromSqlite(file: string): Promise<FileFacts> {
  // Before the rows: bytes go first.
  const bytes = readFolder(`${file}-files`);
  using db = new DatabaseSync(file, { timeout: 5000 });
  const all = <T>(sql: string): T[] => db.prepare(sql).all() as T[];
  return toFacts(bytes, {
    files: all('SELECT file_id, state = 1 AS ready, size, digest FROM jims_files'),
    named: all(`SELECT e.thread_id, f.value ->> 'file_id' AS file_id
       FROM thread_events e, json_each(e.event_data, '$.files') f`),
  });
}

function readFolder(folder: string): readonly StoredBytes[] {
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile());
  return paths.map((path) => {
    const name = basename(path);
    return bytesOf(bare(name.replace('.half', '')), readFileSync(path), name.endsWith('.half'));
  });
}

async function fromPostgres(url: string): Promise<FileFacts> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const all = async <T>(sql: string): Promise<T[]> => (await client.query(sql)).rows as T[];
    const chunks = await all<{ id: string; bytes: Buffer }>(
      `select file_id::text as id, string_agg(bytes, ''::bytea order by n) as bytes
       from jims.file_chunks group by file_id`,
    );
    return toFacts(
      chunks.map(({ id, bytes }) => bytesOf(bare(id), bytes, false)),
      {
        files: await all(
          `select file_id::text, (state = 'ready')::int as ready, size::int as size, digest from jims.files`,
        ),
        named: await all(
          `select e.thread_id::text, f ->> 'file_id' as file_id
           from thread_events e, jsonb_array_elements(e.event_data::jsonb -> 'files') f`,
        ),
      },
    );
  } finally {
    await client.end();
  }
}

function bytesOf(fileId: string, bytes: Buffer, isHalf: boolean): StoredBytes {
  const digest = createHash('sha256').update(bytes).digest('hex');
  const head = bytes.subarray(0, 200).toString();
  return { fileId, isHalf, size: bytes.length, digest, head };
}

function toFacts(bytes: readonly StoredBytes[], { files, named }: Rows): FileFacts {
  return {
    bytes,
    rows: files.map(({ file_id, ready, size, digest }) => ({
      fileId: bare(file_id),
      isReady: ready === 1,
      size,
      digest,
    })),
    named: named.map(({ thread_id, file_id }) => ({
      fileId: bare(file_id),
      threadId: bare(thread_id),
    })),
  };
}
