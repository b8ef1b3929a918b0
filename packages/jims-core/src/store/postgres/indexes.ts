import { setTimeout as sleep } from 'node:timers/promises';

import { DatabaseError } from 'pg';
import type { Client } from 'pg';

import { JimsError } from '../../errors/jims-error.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { connectPatiently } from './connect.ts';
import type { Connected } from './connect.ts';
import { isConnectionLoss } from './errors.ts';
import { reportingWaits } from './lock-waits.ts';
import type { WaitReports } from './lock-waits.ts';
import { inSchemas, quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';
import { INDEXES, findTables } from './tables.ts';
import type { Wanted } from './tables.ts';

const RETRY_MS = 500;
const LINES_MS = 10_000;

/**
 * Makes the indexes that are missing on tables in use, while others go on writing to them. One process at a
 * time does that: a second one that made the same index would fail.
 *
 * An index that is made concurrently waits for the end of every transaction that is in the middle of a
 * statement. So nothing here may run a statement in a transaction that lasts: the guard, whose
 * transaction holds the lock, runs none, and another connection watches.
 */
export async function makeIndexes(
  { client: watcher, config }: Connected,
  schemas: Schemas,
  logger: Logger,
): Promise<void> {
  const others = await Promise.all([connectPatiently(config), connectPatiently(config)]);
  const [{ client: guard }, { client: maker }] = others;
  try {
    await untilAlone(guard, logger);
    for (;;) {
      const { names, invalid } = await findTables(maker, schemas);
      const [missing, ...more] = INDEXES.filter(({ name }) => !names.has(name));
      if (!missing) return;
      if (await isBeingMade(maker, schemas, missing.name)) {
        await guard.query('rollback');
        await sleep(RETRY_MS);
        await untilAlone(guard, logger);
        continue;
      }
      const table = `${schemas.original}.${missing.table}`;
      const { rows } = await maker.query<{ pid: number }>('select pg_backend_pid() as pid');
      const reports = { watcher, logger, pid: rows[0]?.pid ?? 0, table };
      if (invalid.has(missing.name)) {
        const index = `${quoted(schemas.original)}.${quoted(missing.name)}`;
        await reportingWaits(maker.query(`drop index concurrently if exists ${index}`), reports);
      }
      logger.info({ table, index: missing.name }, 'Making an index; writers need not wait');
      await make(maker, schemas, [missing, ...more], reports);
    }
  } finally {
    await Promise.all(others.map((each) => each.client.end().catch(() => {})));
  }
}

/**
 * Makes the first of the indexes that are missing.
 *
 * @throws JimsError `store_invalid` when the server refuses to, with the statements that make all of them.
 */
async function make(
  maker: Client,
  schemas: Schemas,
  missing: readonly [Wanted, ...Wanted[]],
  reports: WaitReports,
): Promise<void> {
  const [{ name, sql }] = missing;
  try {
    await reportingWaits(maker.query(inSchemas(schemas, concurrently(sql))), reports);
  } catch (error) {
    if (!(error instanceof DatabaseError) || isConnectionLoss(error)) throw error;
    // On a partitioned table it cannot be made while others write.
    const isPartitioned = error.message.includes('partitioned');
    const byHand = missing.map((each) => (isPartitioned ? each.sql : concurrently(each.sql)));
    const statements = inSchemas(schemas, byHand.join('; ')).replaceAll(/\s+/g, ' ');
    const reason = `Cannot make the index ${name} on ${reports.table}: ${error.message}. Let the owner of the table run, and then start again: ${statements}`;
    throw new JimsError('store_invalid', reason, { cause: error });
  }
}

function concurrently(sql: string): string {
  return sql.replace('create index', 'create index concurrently');
}

/**
 * Begins a transaction that has the lock. It tries again and again, each time in a transaction of its own,
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

/** An operator may be making it by hand. */
async function isBeingMade(client: Client, { original }: Schemas, index: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_stat_progress_create_index
     join pg_class c on c.oid = index_relid join pg_namespace n on n.oid = c.relnamespace
     where datname = current_database() and nspname = $1 and relname = $2`,
    [original, index],
  );
  return rows.length > 0;
}
