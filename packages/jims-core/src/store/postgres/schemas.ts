import { JimsError } from '../../errors/jims-error.ts';

/** The schemas of an application in its database. */
export interface Schemas {
  /** Where the original's two tables are, `threads` and `thread_events`. */
  readonly original: string;
  /** Where our own tables and functions are. */
  readonly own: string;
}

/** Our own schema, where an application is not given one by `--schema`. */
export const DEFAULT_OWN_SCHEMA = 'jims';
const OWN_SUFFIX = '_jims';
/** PostgreSQL cuts longer names off without an error. */
const MAX_NAME_BYTES = 63;

// Not after a quote: the types of events and the keys of locks begin with `jims.`, too.
const PLACEHOLDER = /(?<!['\w])(?:jims\.(?=\w)|original\.(?=thread))/g;

/**
 * Puts the names of the two schemas into SQL, which names every table and function with its schema, such
 * as `original.threads` and `jims.runs`: no search path decides which one is meant.
 */
export function inSchemas({ original, own }: Schemas, sql: string): string {
  return sql.replaceAll(
    PLACEHOLDER,
    (placeholder) => `${quoted(placeholder === 'jims.' ? own : original)}.`,
  );
}

/** A name as an identifier of SQL, whatever characters it has. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The name of our own schema for the original's tables in `schema`. */
export function ownSchemaOf(schema: string): string {
  return schema === DEFAULT_OWN_SCHEMA ? schema : schema + OWN_SUFFIX;
}

/**
 * Checks a name that an operator chose for a schema.
 *
 * @throws JimsError `store_invalid` for one that PostgreSQL or JIMS keeps for itself.
 */
export function requireUsableSchema(schema: string): void {
  const reason = whyUnusable(schema);
  if (reason === undefined) return;
  const message = `The schema '${schema}' cannot be used: ${reason}. Choose another name`;
  throw new JimsError('store_invalid', message);
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

/** Why a name cannot be in our SQL: the bodies of functions are between `$$`. */
export function whyUnquotable(schema: string): string | undefined {
  return /[$\0]/.test(schema) ? 'the name has a $ or NUL in it' : undefined;
}
