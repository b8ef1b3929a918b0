import type { Client } from 'pg';

import { quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';
import { INDEXES, ORIGINAL_TABLES } from './sql/tables.ts';

/** What there is in the schemas of an application. */
export interface State {
  readonly schemas: ReadonlySet<string>;
  /** Of the original's tables and the indexes on them; an index that is not valid is not among them. */
  readonly names: ReadonlySet<string>;
  /** Indexes that somebody began to make concurrently: they are made still, or that failed. */
  readonly invalid: ReadonlySet<string>;
  /** 0 when there is nothing of ours. */
  readonly version: number;
}

export async function look(client: Client, { original, own }: Schemas): Promise<State> {
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
     )
     select array(select nspname::text from pg_namespace where nspname in ($1, $2)) as schemas,
            array(select name from objects where schema = $1 and name = any ($3) and is_valid) as names,
            array(select name from objects where schema = $1 and name = any ($3) and not is_valid) as invalid,
            exists (select from objects where schema = $2 and name = 'migrations') as has_migrations`,
    [original, own, [...ORIGINAL_TABLES, ...INDEXES].map(({ name }) => name)],
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
