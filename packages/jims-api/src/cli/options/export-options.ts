import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import { OPTIONS } from './command-table.ts';
import { GivenOptions, invalid } from './given-options.ts';
import { helpText, variablesOf } from './option-table.ts';
import type { Environment } from './option-table.ts';

/** What `jims-api export` is to write. */
export interface ExportOptions {
  readonly store: string | undefined;
  readonly schema: string | undefined;
  /** Rated messages instead of threads. */
  readonly feedback: 'up' | 'down' | 'any' | undefined;
  readonly contact: string | undefined;
  readonly thread: string | undefined;
  /** UTC with microseconds. */
  readonly since: string | undefined;
  readonly verbose: boolean;
}

const FEEDBACK = ['up', 'down', 'any'] as const;
const WHAT = {
  feedback: {
    help: 'Messages that contacts rated up, down or any, one a line, instead of threads',
  },
  contact: { help: 'Only what belongs to this contact' },
  thread: { help: 'Only what is in the thread of this id' },
  since: {
    help: 'Only threads with an event, or ratings, since this time, such as 2026-11-01 or 2026-11-01T08:30:00Z',
  },
} as const;
/** Those of the database are also variables, and no others. */
const APP = {
  db: OPTIONS.db,
  schema: OPTIONS.schema,
  verbose: { type: 'flag', help: 'Show the stack of an error' },
  help: OPTIONS.help,
} as const;
const EXPORT_OPTIONS = { ...WHAT, ...APP };

const HEAD = `Usage: jims-api export [OPTIONS]

Writes threads with their events, or messages that contacts rated with the conversation up to each, to
standard output: JSON, one a line. It can be used while the service runs.
`;

const EXAMPLES = `Examples:
  jims-api export --feedback down --since 2026-11-01 > down.jsonl
  jims-api export --contact customer:42 --db postgresql://jims@localhost/jims
`;

function isVariable(name: string): boolean {
  return name === 'db' || name === 'schema';
}

/** The text of `jims-api export --help`. */
export function exportHelp(): string {
  return helpText(
    { 'What to export': WHAT, App: APP },
    { head: HEAD, examples: EXAMPLES, isVariable },
  );
}

type Given = GivenOptions<keyof typeof EXPORT_OPTIONS>;

/**
 * Reads the words after `export`; `undefined` when they ask for help.
 *
 * @throws UsageError for what cannot be understood.
 */
export function parseExport(argv: readonly string[], env: Environment): ExportOptions | undefined {
  const given: Given = new GivenOptions(EXPORT_OPTIONS, argv, variablesOfDatabase(env));
  if (given.flag('help')) return undefined;
  return {
    store: given.text('db'),
    schema: given.text('schema'),
    feedback: given.get('feedback') && given.oneOf('feedback', FEEDBACK),
    contact: given.text('contact'),
    thread: threadOf(given),
    since: sinceOf(given),
    verbose: given.flag('verbose'),
  };
}

function variablesOfDatabase(env: Environment): Environment {
  const names = [...variablesOf('db', OPTIONS.db), ...variablesOf('schema', OPTIONS.schema)];
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}

function threadOf(given: Given): string | undefined {
  const text = given.text('thread');
  if (text === undefined) return undefined;
  const id = canonicalUuid(text);
  if (id !== undefined) return id;
  throw invalid('thread', `'${text}' is not the id of a thread, which is a UUID.`);
}

/** A date alone is the beginning of the day in UTC. */
function sinceOf(given: Given): string | undefined {
  const text = given.text('since');
  if (text === undefined) return undefined;
  const isTime = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(
    text,
  );
  const ms = isTime && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  // The year of a time zone behind UTC may have five digits, or a sign.
  const time = Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  if (/^\d{4}-/.test(time)) return time.replace('Z', '000Z');
  throw invalid('since', `'${text}' is not a time such as 2026-11-01 or 2026-11-01T08:30:00Z.`);
}

/** `Date.parse` takes February 30 for a day in March. */
function isDay(date: string): boolean {
  const ms = Date.parse(date);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
}
