import type { Client } from 'pg';

import { quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';
import { readSql } from './sql/read-sql.ts';

/** A table, an index or a trigger that is made where it is missing, and used as it is where it is there. */
export interface Wanted {
  readonly name: string;
  /** The table that it is, or that it is on. */
  readonly table: string;
  /** The statement that makes it. */
  readonly sql: string;
}

export const ORIGINAL_TABLES: readonly Wanted[] = readWanted('original-tables');
export const INDEXES: readonly Wanted[] = readWanted('original-indexes');
export const TRIGGERS: readonly Wanted[] = readWanted('original-triggers');

function readWanted(file: string): readonly Wanted[] {
  const statements = readSql(file)
    .replaceAll(/^--.*$/gm, '')
    .split(';');
  return statements.flatMap((statement) => {
    const sql = statement.trim();
    const [, name, table] =
      /^create (?:table|(?:index|trigger) (\w+)[^.;]* on) original\.(\w+)/.exec(sql) ?? [];
    return table === undefined ? [] : [{ name: name ?? table, table, sql }];
  });
}

/** What there is in the schemas of an application. */
export interface FoundTables {
  readonly schemas: ReadonlySet<string>;
  /** Of the original's tables, the indexes on them and our triggers; an index that is not valid is not among them. */
  readonly names: ReadonlySet<string>;
  /** Indexes that somebody began to make concurrently: that is still under way, or it failed. */
  readonly invalid: ReadonlySet<string>;
  /** The version of our own tables; 0 without them. */
  readonly version: number;
}

export async function findTables(client: Client, { original, own }: Schemas): Promise<FoundTables> {
  const { rows } = await client.query<{
    schemas: readonly string[];
    names: readonly string[];
    invalid: readonly string[];
    has_migrations: boolean;
  }>(
    `with objects as (
       select relname::text as name, nspname as schema, coalesce(indisvalid, true) as is_valid
       from pg_class c join pg_namespace n on n.oid = relnamespace
       left join pg_index on indexrelid = c.oid
       union all
       select tgname::text, nspname, tgenabled <> 'D' from pg_trigger
       join pg_class c on c.oid = tgrelid join pg_namespace n on n.oid = relnamespace
     )
     select array(select nspname::text from pg_namespace where nspname in ($1, $2)) as schemas,
            array(select name from objects where schema = $1 and name = any ($3) and is_valid) as names,
            array(select name from objects where schema = $1 and name = any ($3) and not is_valid) as invalid,
            exists (select from objects where schema = $2 and name = 'migrations') as has_migrations`,
    [original, own, [...ORIGINAL_TABLES, ...INDEXES, ...TRIGGERS].map(({ name }) => name)],
  );
  const found = rows[0];
  return {
    schemas: new Set(found?.schemas),
    names: new Set(found?.names),
    invalid: new Set(found?.invalid),
    version: found?.has_migrations ? await readVersion(client, own) : 0,
  };
}

async function readVersion(client: Client, own: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    `select coalesce(max(version), 0) as version from ${quoted(own)}.migrations`,
  );
  return rows[0]?.version ?? 0;
}
