import { setTimeout as sleep } from 'node:timers/promises';

import { DatabaseError } from 'pg';
import type { Client, ClientConfig } from 'pg';

import { JimsError } from '../../errors/jims-error.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Address } from './address.ts';
import { connect } from './connect.ts';
import { findSchemas } from './find-schemas.ts';
import { FUNCTIONS } from './functions.ts';
import { makeIndexes } from './indexes.ts';
import { logHolders } from './lock-waits.ts';
import { grantsOf, requireColumns, requireRights, requireUsable } from './requirements.ts';
import { DEFAULT_OWN_SCHEMA, inSchemas, ownSchemaOf, quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';
import { readSql } from './sql/read-sql.ts';
import { INDEXES, ORIGINAL_TABLES, TRIGGERS, findTables } from './tables.ts';
import type { FoundTables } from './tables.ts';

/**
 * What changes in our own tables, one step a version. A step is never edited once it is released; its
 * functions are made anew by every later version.
 */
const STEPS: readonly string[] = ['step-1', 'step-2', 'step-3', 'step-4', 'step-5', 'step-6'].map(
  readSql,
);

const LOCK_TIMEOUT = '2s';
/** Writers of the original's tables wait as long as we do. */
const TRIGGER_LOCK_TIMEOUT = '500ms';
const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';
/** Meanwhile others that wait for the same table go first. */
const RETRY_MS = 1000;

export interface Migrated {
  readonly schemas: Schemas;
  /** How to make more connections. */
  readonly config: ClientConfig;
}

interface MigrateOptions {
  /** The operator's choice by `--schema`. */
  readonly schema: string | undefined;
  readonly logger: Logger;
  /** Whether a database without tables is refused. */
  readonly mustExist: boolean;
}

/** Names for the messages. */
interface Names {
  readonly where: string;
  readonly role: string;
  readonly database: string;
}

/**
 * Brings the database up to date. It may run twice, and in several processes at once. A database that is
 * up to date is only read, so that the application's role needs no right to change tables.
 *
 * @throws JimsError `store_invalid` when the database is of a newer version, or cannot keep the promises of
 * a store.
 */
export async function migrate(
  address: Address,
  { schema, logger, mustExist }: MigrateOptions,
): Promise<Migrated> {
  const where = address.description;
  // A connection of its own: making an index on a large table may take longer than a query may.
  const connected = await connect(address);
  const { client, config } = connected;
  try {
    const names = { where, ...(await requireUsable(client, where)) };
    const own = schema === undefined ? DEFAULT_OWN_SCHEMA : ownSchemaOf(schema);
    const mayRead = grantsOf({ original: schema ?? 'public', own }, names.role);
    const schemas = await granted(mayRead, where, () => findSchemas(client, schema));
    await requireColumns(client, schemas.original, where);
    const found = await granted(mayRead, where, () => findTables(client, schemas));
    if (mustExist && !hasAll(ORIGINAL_TABLES, found)) throw noTables(where, schemas);
    if (!isMade(found, where)) await makeAll(client, schema, names, logger);
    if (found.version === 0) {
      const made = [schemas.original, schemas.own];
      logger.info({ database: where, schemas: made }, 'a new database was made');
    }
    if (!hasAll(INDEXES, await findTables(client, schemas))) {
      await makeIndexes(connected, schemas, logger);
    }
    await requireRights(client, schemas, where);
    await fillActivity(client, schemas, logger);
    return { schemas, config };
  } finally {
    await client.end().catch(() => {});
  }
}

function noTables(where: string, { original }: Schemas): JimsError {
  const message = `There are no threads in the schema ${original} of ${where}: name a schema and a database that were used`;
  return new JimsError('store_invalid', message);
}

function isMade(found: FoundTables, where: string): boolean {
  if (found.version > STEPS.length) {
    throw new JimsError(
      'store_invalid',
      `Cannot use ${where}: it was written by a newer jims-core (tables of version ${found.version}, this one knows ${STEPS.length}): update jims-core`,
    );
  }
  return found.version === STEPS.length && hasAll([...ORIGINAL_TABLES, ...TRIGGERS], found);
}

function hasAll(wanted: readonly { readonly name: string }[], { names }: FoundTables): boolean {
  return wanted.every(({ name }) => names.has(name));
}

/**
 * Makes what is missing, in one transaction. A lock is waited for in short turns, as a request for one
 * keeps all later requests waiting, too.
 */
async function makeAll(
  client: Client,
  schema: string | undefined,
  names: Names,
  logger: Logger,
): Promise<void> {
  for (;;) {
    try {
      await client.query('begin');
      await client.query(
        `set local lock_timeout = '${LOCK_TIMEOUT}'; set local statement_timeout = 0`,
      );
      await client.query("select pg_advisory_xact_lock(hashtextextended('jims.migrations', 0))");
      // Looked for again: another process may have made all of it meanwhile.
      const schemas = await findSchemas(client, schema);
      await makeMissing(client, schemas, names);
      await client.query('commit');
      return;
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === LOCK_NOT_AVAILABLE)) throw error;
      await client.query('rollback');
      await logHolders(client, logger);
      await sleep(RETRY_MS);
    }
  }
}

async function makeMissing(client: Client, schemas: Schemas, names: Names): Promise<void> {
  const found = await findTables(client, schemas);
  const run = (sql: string): Promise<unknown> => client.query(inSchemas(schemas, sql));
  const { where } = names;
  const [role, database] = [quoted(names.role), quoted(names.database)];
  for (const name of new Set([schemas.original, schemas.own])) {
    if (found.schemas.has(name)) continue;
    const remedy = `Let the owner of the database run CREATE SCHEMA ${quoted(name)} AUTHORIZATION ${role}, or GRANT CREATE ON DATABASE ${database} TO ${role}`;
    await granted(remedy, where, () => client.query(`create schema ${quoted(name)}`));
  }
  const remedy = (name: string): string =>
    `Let the owner of the schema run GRANT USAGE, CREATE ON SCHEMA ${quoted(name)} TO ${role}`;
  await granted(remedy(schemas.original), where, async () => {
    for (const table of ORIGINAL_TABLES) {
      if (found.names.has(table.name)) continue;
      await run(table.sql);
      // Nobody uses it yet. Those of a table in use are made later, without keeping anybody waiting.
      for (const index of INDEXES) if (index.table === table.name) await run(index.sql);
    }
  });
  const triggers = TRIGGERS.filter(({ name }) => !found.names.has(name));
  const tables = ORIGINAL_TABLES.map(({ name }) => `${quoted(schemas.original)}.${name}`).join(
    ', ',
  );
  const owners = `Let the owner of the tables run GRANT TRIGGER ON ${tables} TO ${role}`;
  if (triggers.length > 0) {
    // The first thing that may have to wait: what was done before it would be done again at each try.
    await granted(owners, where, () =>
      client.query(
        `set local lock_timeout = '${TRIGGER_LOCK_TIMEOUT}';
         lock table ${tables} in share row exclusive mode;
         set local lock_timeout = '${LOCK_TIMEOUT}'`,
      ),
    );
  }
  await granted(
    `${remedy(schemas.own)}; if another role has made the tables there, let that role start JIMS once`,
    where,
    () => upgrade(client, schemas, found.version),
  );
  if (triggers.length === 0) return;
  await granted(owners, where, async () => {
    for (const { sql } of triggers) await run(sql);
  });
  // What was written without them is to be looked at.
  await run(`
    insert into jims.backfills (name) values ('activity')
    on conflict (name) do update set looked_at = null, is_done = false`);
}

async function upgrade(client: Client, schemas: Schemas, version: number): Promise<void> {
  if (version >= STEPS.length) return;
  const run = (sql: string): Promise<unknown> => client.query(inSchemas(schemas, sql));
  if (version === 0) {
    await run(`
      create table jims.migrations (
        version integer primary key,
        applied_at timestamp with time zone not null default now()
      )`);
  }
  for (const [index, step] of STEPS.entries()) {
    if (index < version) continue;
    await run(step);
    await run(`insert into jims.migrations (version) values (${index + 1})`);
  }
  await run(FUNCTIONS);
  await client.query(
    inSchemas(schemas, 'update jims.migrations set tables_schema = $1 where version = $2'),
    [schemas.original, STEPS.length],
  );
}

/** Adds to the error about a right that is missing how to get the right. */
async function granted<T>(remedy: string, where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE)) throw error;
    throw new JimsError('store_invalid', `Cannot use ${where}: ${error.message}. ${remedy}`, {
      cause: error,
    });
  }
}

/** Few enough that a writer, who may wait for one of them, does not wait long. */
const PIECE_THREADS = 500;

/**
 * Makes what lists show of the threads that were there before this version, in pieces that keep nobody
 * waiting. It goes on where a process that ended in the middle was; several may do so at once.
 */
async function fillActivity(client: Client, schemas: Schemas, logger: Logger): Promise<void> {
  const next = inSchemas(schemas, 'select jims.backfill_activity($1) as done');
  const find = `select from jims.backfills where name = 'activity' and not is_done`;
  const { rowCount } = await client.query(inSchemas(schemas, find));
  if (rowCount === 0) return;
  logger.info({}, 'Looking at all threads once, for lists by activity; writers need not wait');
  for (;;) {
    const { rows } = await client.query<{ done: boolean }>(next, [PIECE_THREADS]);
    if (rows[0]?.done !== false) return;
  }
}
