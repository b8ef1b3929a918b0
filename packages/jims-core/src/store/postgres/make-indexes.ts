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
 *
 * An index that is made concurrently waits for the end of every transaction that it meets in the middle
 * of a statement. So nothing here may run a statement in a transaction that lasts: the guard, whose
 * transaction holds the lock, runs none, and another connection watches.
 */
export async function makeIndexes(
  { client, config }: Connected,
  schemas: Schemas,
  logger: Logger,
): Promise<void> {
  const [guard, watcher] = await Promise.all([connectOnce(config), connectOnce(config)]);
  const watching = { watcher: watcher.client, logger };
  try {
    await untilAlone(guard.client, logger);
    for (;;) {
      const { names, invalid } = await look(client, schemas);
      const missing = INDEXES.find(({ name }) => !names.has(name));
      if (!missing) return;
      if (await isBeingMade(client, schemas, missing.name)) {
        await guard.client.query('rollback');
        await sleep(RETRY_MS);
        await untilAlone(guard.client, logger);
        continue;
      }
      const table = `${schemas.original}.${missing.table}`;
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const watch = { ...watching, pid: rows[0]?.pid ?? 0, table };
      if (invalid.has(missing.name)) {
        const index = `${quoted(schemas.original)}.${quoted(missing.name)}`;
        await watched(client.query(`drop index concurrently if exists ${index}`), watch);
      }
      logger.info({ table, index: missing.name }, 'Making an index; writers need not wait');
      const sql = missing.sql.replace('create index', 'create index concurrently');
      await watched(client.query(inSchemas(schemas, sql)), watch);
    }
  } finally {
    await Promise.all([guard, watcher].map((each) => each.client.end().catch(() => {})));
  }
}

/**
 * Begins a transaction that has the lock. Tries again and again, each time in a transaction of its own,
 * and does not wait in the server.
 */
async function untilAlone(guard: Client, logger: Logger): Promise<void> {
  for (let waited = 0; ; waited += RETRY_MS) {
    await guard.query('begin');
    const { rows } = await guard.query<{ taken: boolean }>(
      `select pg_try_advisory_xact_lock(hashtextextended('jims.indexes', 0)) as taken`,
    );
    if (rows[0]?.taken) return;
    await guard.query('rollback');
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
