import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import type { Logger } from '../../logger.ts';
import { connectOnce } from './connect.ts';
import type { Connected } from './connect.ts';
import { look } from './look.ts';
import { inSchemas, quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';
import { INDEXES } from './sql/tables.ts';
import { watched } from './waiting.ts';

const RETRY_MS = 500;
const LINES_MS = 10_000;

/**
 * Makes the indexes that are missing on tables in use, without keeping anybody from writing to them. One
 * process at a time does that: one that made the same index at the same time would fail.
 */
export async function makeIndexes(
  { client, config }: Connected,
  schemas: Schemas,
  logger: Logger,
): Promise<void> {
  const { client: guard } = await connectOnce(config);
  try {
    await guard.query('begin');
    await untilAlone(guard, logger);
    for (;;) {
      const { names, invalid } = await look(client, schemas);
      const missing = INDEXES.find(({ name }) => !names.has(name));
      if (!missing) return;
      const table = `${schemas.original}.${missing.table}`;
      if (await isBeingMade(client, schemas, missing.name)) {
        await sleep(RETRY_MS);
        continue;
      }
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const watch = { watcher: guard, pid: rows[0]?.pid ?? 0, logger, table };
      if (invalid.has(missing.name)) {
        const index = `${quoted(schemas.original)}.${quoted(missing.name)}`;
        await watched(client.query(`drop index concurrently if exists ${index}`), watch);
      }
      logger.info({ table, index: missing.name }, 'Making an index; writers need not wait');
      const sql = missing.sql.replace('create index', 'create index concurrently');
      await watched(client.query(inSchemas(schemas, sql)), watch);
    }
  } finally {
    await guard.end().catch(() => {});
  }
}

/**
 * Tries again and again, and does not wait in the server: an index that is made waits for all
 * statements that began before, and so for one that waits for the index. The lock ends with the transaction.
 */
async function untilAlone(guard: Client, logger: Logger): Promise<void> {
  for (let waited = 0; ; waited += RETRY_MS) {
    const { rows } = await guard.query<{ taken: boolean }>(
      `select pg_try_advisory_xact_lock(hashtextextended('jims.indexes', 0)) as taken`,
    );
    if (rows[0]?.taken) return;
    if (waited % LINES_MS === 0) {
      logger.info({}, 'Waiting for another process, which makes the indexes of the database');
    }
    await sleep(RETRY_MS);
  }
}

/** Somebody may be making it by hand. */
async function isBeingMade(client: Client, { original }: Schemas, index: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_stat_progress_create_index
     join pg_class c on c.oid = index_relid join pg_namespace n on n.oid = c.relnamespace
     where datname = current_database() and nspname = $1 and relname = $2`,
    [original, index],
  );
  return rows.length > 0;
}
