import { JimsError } from '../../errors/jims-error.ts';

/** Where the tables of an application are in its database. */
export interface Schemas {
  /** The schema of the original's two tables, `threads` and `thread_events`. */
  readonly original: string;
  /** The schema of our own tables and functions. */
  readonly own: string;
}

/** Our own schema, where an application is not given one by `--schema`. */
export const DEFAULT_OWN_SCHEMA = 'jims';
const OWN_SUFFIX = '_jims';
/** PostgreSQL cuts longer names without an error. */
const MAX_NAME_BYTES = 63;

// Not in a string: the type of an event and the key of a lock begin with `jims.`, too.
const PLACEHOLDER = /(?<!['\w])(?:jims\.(?=\w)|original\.(?=thread))/g;

/**
 * SQL names every table and function with its schema, so that no search path decides which one is
 * meant: `original.threads`, `jims.runs`. This puts in what the two are called in this database.
 */
export function inSchemas({ original, own }: Schemas, sql: string): string {
  return sql.replaceAll(
    PLACEHOLDER,
    (placeholder) => `${quoted(placeholder === 'jims.' ? own : original)}.`,
  );
}

/** A name as SQL takes it, whatever it is made of. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What our own schema is called beside the original's tables in `schema`. */
export function ownSchemaOf(schema: string): string {
  return schema === DEFAULT_OWN_SCHEMA ? schema : schema + OWN_SUFFIX;
}

/**
 * Checks a name that somebody chose for a schema.
 *
 * @throws JimsError `store_invalid` for one that PostgreSQL or JIMS keeps for itself.
 */
export function requireUsableSchema(schema: string): void {
  const reason = whyUnusable(schema);
  if (reason === undefined) return;
  throw new JimsError(
    'store_invalid',
    `The schema '${schema}' cannot be used: ${reason}. Choose another name`,
  );
}

function whyUnusable(schema: string): string | undefined {
  if (schema === '') return 'the name is empty';
  if (/^pg(?:_|$)|^information_schema$/.test(schema))
    return 'PostgreSQL keeps this name for itself';
  if (schema.endsWith(OWN_SUFFIX)) return `names that end with ${OWN_SUFFIX} are for JIMS itself`;
  if (Buffer.byteLength(ownSchemaOf(schema)) > MAX_NAME_BYTES) {
    return `the name is longer than ${MAX_NAME_BYTES - OWN_SUFFIX.length} bytes`;
  }
  return whyUnquotable(schema);
}

/** Function bodies stand between `$$`. */
export function whyUnquotable(schema: string): string | undefined {
  return /[$\0]/.test(schema) ? 'the name has a $ or NUL in it' : undefined;
}
