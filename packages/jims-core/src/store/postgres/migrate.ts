import { Client } from 'pg';

import { JimsError } from '../../errors.ts';
import { connectionConfig } from './database.ts';
import { findSchemas } from './find-schemas.ts';
import { inSchemas, quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';
import { FUNCTIONS } from './sql/functions.ts';
import { STEP_1 } from './sql/step-1.ts';
import { STEP_2 } from './sql/step-2.ts';
import { INDEXES, ORIGINAL_TABLES } from './sql/tables.ts';

/** What changes in our own tables, one step a version. A step is never changed once it is released. */
const STEPS: readonly string[] = [STEP_1, STEP_2];

/**
 * Brings the database up to date; safe to run twice and from several processes at once. What is up to
 * date already is only looked at, so that the application's role needs no right to change tables.
 * Resolves with the schemas that the application uses.
 *
 * @throws JimsError `store_invalid` when the database is of a newer version, or set up so that the
 * promises of a store cannot be kept.
 */
export async function migrate(url: string, schema: string | undefined): Promise<Schemas> {
  // A connection of its own: making an index on a large table may take longer than a query may.
  const client = new Client(connectionConfig(url));
  client.on('error', () => {});
  try {
    await client.connect();
    await refuseOtherIsolation(client);
    const schemas = await findSchemas(client, schema);
    if (isUpToDate(await look(client, schemas))) return schemas;
    return await bringUpToDate(client, schema);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Our functions look again after they have waited for a lock, which only `read committed` lets them.
 * It is the default of PostgreSQL; setting it ourselves would cost round trips on every statement.
 */
async function refuseOtherIsolation(client: Client): Promise<void> {
  const { rows } = await client.query<{ default_transaction_isolation: string }>(
    'show default_transaction_isolation',
  );
  const level = rows[0]?.default_transaction_isolation;
  if (level === 'read committed') return;
  throw new JimsError(
    'store_invalid',
    `The database's default_transaction_isolation is '${level}'. Set it for the role that JIMS uses: ALTER ROLE … SET default_transaction_isolation = 'read committed'`,
  );
}

/** What there is in the schemas of an application. */
interface State {
  /** Names of tables and indexes of the original's schema. */
  readonly original: ReadonlySet<string>;
  readonly schemas: ReadonlySet<string>;
  /** 0 when there is nothing of ours. */
  readonly version: number;
}

async function look(client: Client, { original, own }: Schemas): Promise<State> {
  const { rows } = await client.query<{
    original: readonly string[];
    schemas: readonly string[];
    has_migrations: boolean;
  }>(
    `select array(
              select relname::text from pg_class c join pg_namespace n on n.oid = relnamespace
              where nspname = $1 and relname = any ($3)
            ) as original,
            array(select nspname::text from pg_namespace where nspname in ($1, $2)) as schemas,
            exists (
              select from pg_class c join pg_namespace n on n.oid = relnamespace
              where nspname = $2 and relname = 'migrations'
            ) as has_migrations`,
    [original, own, [...ORIGINAL_TABLES, ...INDEXES].map(({ name }) => name)],
  );
  const found = rows[0];
  return {
    original: new Set(found?.original),
    schemas: new Set(found?.schemas),
    version: found?.has_migrations ? await currentVersion(client, own) : 0,
  };
}

function isUpToDate({ original, version }: State): boolean {
  return (
    version === STEPS.length &&
    [...ORIGINAL_TABLES, ...INDEXES].every(({ name }) => original.has(name))
  );
}

async function bringUpToDate(client: Client, schema: string | undefined): Promise<Schemas> {
  await client.query('begin');
  await client.query("select pg_advisory_xact_lock(hashtextextended('jims.migrations', 0))");
  // Looked at again: another process may have made all of it meanwhile.
  const schemas = await findSchemas(client, schema);
  const state = await look(client, schemas);
  const run = (sql: string): Promise<unknown> => client.query(inSchemas(schemas, sql));

  for (const name of new Set([schemas.original, schemas.own])) {
    if (!state.schemas.has(name)) await client.query(`create schema ${quoted(name)}`);
  }
  for (const { name, sql } of [...ORIGINAL_TABLES, ...INDEXES]) {
    if (!state.original.has(name)) await run(sql);
  }
  if (state.version === 0) {
    await run(`
      create table jims.migrations (
        version integer primary key,
        applied_at timestamp with time zone not null default now()
      )`);
  }
  for (const [index, step] of STEPS.entries()) {
    if (index < state.version) continue;
    await run(step);
    await run(`insert into jims.migrations (version) values (${index + 1})`);
  }
  if (state.version < STEPS.length) {
    await run(FUNCTIONS);
    await client.query(
      inSchemas(schemas, 'update jims.migrations set tables_schema = $1 where version = $2'),
      [schemas.original, STEPS.length],
    );
  }
  await client.query('commit');
  return schemas;
}

async function currentVersion(client: Client, own: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    `select coalesce(max(version), 0) as version from ${quoted(own)}.migrations`,
  );
  const version = rows[0]?.version ?? 0;
  if (version > STEPS.length) {
    throw new JimsError(
      'store_invalid',
      `The database was written by a newer jims-core (tables of version ${version}, this one knows ${STEPS.length}): update jims-core`,
    );
  }
  return version;
}
