import type { Client } from 'pg';

import { JimsError } from '../../errors/jims-error.ts';
import { DEFAULT_OWN_SCHEMA, ownSchemaOf, quoted, whyUnquotable } from './schemas.ts';
import type { Schemas } from './schemas.ts';

/** What our own default schema has recorded about the original's tables. */
type Recorded =
  | { readonly kind: 'none' }
  /** Version 1 made it, and left it to the search path where they are. */
  | { readonly kind: 'unrecorded' }
  | { readonly kind: 'recorded'; readonly schema: string };

/** A schema of the database that has a table like the original's `threads`. */
interface Candidate {
  readonly schema: string;
  /** From 1 on by the search path; null outside of it. */
  readonly position: number | null;
  /** Whether it is of the default search path: `public`, or the one with the name of the role. */
  readonly isNear: boolean;
  /** Whether an application that was started with `--schema` has its threads there. */
  readonly isClaimed: boolean;
  readonly isReadable: boolean;
}

/**
 * Finds the schemas that the application uses in this database, so that every statement can name them.
 * The search path alone must not decide that at every start: as soon as there is a schema with the name of
 * the role, `"$user", public` begins with it, and the tables in `public` would be missed.
 *
 * @param schema The operator's choice by `--schema`.
 * @throws JimsError `store_invalid` when it is not clear which tables are meant.
 */
export async function findSchemas(client: Client, schema: string | undefined): Promise<Schemas> {
  const record = await readRecord(client);
  if (schema !== undefined) return chosenSchemas(schema, record);
  const original =
    record.kind === 'recorded'
      ? await confirmRecorded(client, record.schema)
      : await searchTables(client, record.kind === 'unrecorded');
  const reason = whyUnquotable(original);
  if (reason !== undefined) throw invalid(`The schema '${original}' cannot be used: ${reason}`);
  return { original, own: DEFAULT_OWN_SCHEMA };
}

async function readRecord(client: Client): Promise<Recorded> {
  const { rows } = await client.query<{ has_column: boolean }>(
    `select exists (
       select from pg_attribute where attrelid = c.oid and attname = 'tables_schema' and not attisdropped
     ) as has_column
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = 'migrations'`,
    [DEFAULT_OWN_SCHEMA],
  );
  const [migrations] = rows;
  if (!migrations) return { kind: 'none' };
  if (!migrations.has_column) return { kind: 'unrecorded' };
  const recorded = await client.query<{ schema: string }>(
    `select tables_schema as schema from jims.migrations
     where tables_schema is not null order by version desc limit 1`,
  );
  const schema = recorded.rows[0]?.schema;
  return schema === undefined ? { kind: 'unrecorded' } : { kind: 'recorded', schema };
}

function chosenSchemas(schema: string, record: Recorded): Schemas {
  if (record.kind === 'unrecorded') {
    throw invalid(
      'This database was last used by an earlier version of JIMS: start once without --schema, so that it is brought up to date',
    );
  }
  const own = ownSchemaOf(schema);
  if (record.kind === 'none') return { original: schema, own };
  if (record.schema === schema) return { original: schema, own: DEFAULT_OWN_SCHEMA };
  if (own !== DEFAULT_OWN_SCHEMA) return { original: schema, own };
  throw invalid(
    `The schema '${schema}' belongs to another application, whose threads are in '${record.schema}'. Choose another name for --schema`,
  );
}

/** The tables are where they were, unless the search path now leads to others. */
async function confirmRecorded(client: Client, schema: string): Promise<string> {
  const candidates = (await readCandidates(client)).filter((each) => !each.isClaimed);
  const recorded = candidates.some((each) => each.schema === schema);
  const inPath = candidates.filter(({ position }) => position !== null);
  if (!recorded) {
    const [moved] = await withRows(
      client,
      candidates.filter(({ isReadable }) => isReadable),
    );
    if (moved) throw movedError(schema, moved.schema);
  }
  const path = await readSearchPath(client);
  const position = path.schemas.indexOf(schema);
  if (position < 0) throw outsideError(path.text, schema);
  const hiding = inPath.filter((each) => path.schemas.indexOf(each.schema) < position);
  const [other] = await withRows(client, hiding);
  if (other) throw splitError(schema, other.schema);
  return schema;
}

/**
 * Where the tables are, or are to be made.
 *
 * @param isUsed Whether we used the database before, so that its tables are ours wherever they are.
 */
async function searchTables(client: Client, isUsed: boolean): Promise<string> {
  const all = await readCandidates(client);
  const candidates = all.filter(
    (each) =>
      !each.isClaimed && (each.position !== null || (each.isReadable && (each.isNear || isUsed))),
  );
  const [used, another] = await withRows(client, candidates);
  if (used && another) throw splitError(used.schema, another.schema);
  const path = await readSearchPath(client);
  if (used) {
    if (used.position === null) throw outsideError(path.text, used.schema);
    return used.schema;
  }
  const empty = candidates.find(({ position }) => position !== null);
  if (empty) return empty.schema;
  const [first] = path.schemas;
  if (first === undefined) {
    throw invalid(
      `No schema of the search_path (${path.text}) is there, or may be used by this role: make one, or start with --schema`,
    );
  }
  if (all.some((each) => each.schema === first && each.isClaimed)) {
    throw invalid(
      `The threads in the schema '${first}' belong to an application that was started with --schema ${first}. Start this one with the same, or with --schema and a name of its own if it is another application`,
    );
  }
  return first;
}

async function readCandidates(client: Client): Promise<readonly Candidate[]> {
  const { rows } = await client.query<Candidate>(
    `select n.nspname::text as schema,
            array_position(current_schemas(false), n.nspname) as position,
            n.nspname in ('public', current_user) as "isNear",
            exists (
              select from pg_class m join pg_namespace o on o.oid = m.relnamespace
              where m.relname = 'migrations' and o.nspname = n.nspname || '_jims'
            ) as "isClaimed",
            has_schema_privilege(n.oid, 'usage') and has_table_privilege(t.oid, 'select') as "isReadable"
     from pg_class t join pg_namespace n on n.oid = t.relnamespace
     where t.relname = 'threads' and t.relkind in ('r', 'p', 'v', 'f')
       and (select count(*) from pg_attribute
            where attrelid = t.oid and attname in ('thread_id', 'thread_config')) = 2
       and n.nspname !~ '^pg_'
     order by position nulls last, n.nspname`,
  );
  return rows;
}

async function withRows(
  client: Client,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const used: Candidate[] = [];
  for (const candidate of candidates) {
    const { rows } = await client.query<{ has_rows: boolean }>(
      `select exists (select from ${quoted(candidate.schema)}.threads) as has_rows`,
    );
    if (rows[0]?.has_rows) used.push(candidate);
  }
  return used;
}

/** The schemas of the search path that exist and that the role may use, in their order. */
async function readSearchPath(
  client: Client,
): Promise<{ readonly schemas: readonly string[]; readonly text: string }> {
  const { rows } = await client.query<{ schemas: readonly string[]; text: string }>(
    `select current_schemas(false)::text[] as schemas, current_setting('search_path') as text`,
  );
  return rows[0] ?? { schemas: [], text: '' };
}

function splitError(one: string, other: string): JimsError {
  const [a, b] = [quoted(one), quoted(other)];
  return invalid(
    `There are threads in two schemas of this database, '${one}' and '${other}'. If they belong to two applications, start each with --schema and the name of its schema. If they belong to one, move them together, after a backup, for example: INSERT INTO ${a}.threads SELECT * FROM ${b}.threads; INSERT INTO ${a}.thread_events SELECT * FROM ${b}.thread_events; DROP TABLE ${b}.threads, ${b}.thread_events`,
  );
}

function movedError(from: string, to: string): JimsError {
  const [a, b] = [quoted(from), quoted(to)];
  return invalid(
    `The threads were in the schema '${from}', and there are threads in '${to}' now. Move them back: ALTER SCHEMA ${b} RENAME TO ${a}, or ALTER TABLE ${b}.threads SET SCHEMA ${a}; ALTER TABLE ${b}.thread_events SET SCHEMA ${a}. If they belong to another application, start with --schema ${from}`,
  );
}

function outsideError(searchPath: string, schema: string): JimsError {
  return invalid(
    `The threads of this database are in the schema '${schema}', and the search_path (${searchPath}) does not lead there. Start with --schema ${schema} to use them, or with --schema and a name of its own if this is another application`,
  );
}

function invalid(message: string): JimsError {
  return new JimsError('store_invalid', message);
}
