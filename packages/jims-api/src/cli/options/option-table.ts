import { parseArgs } from 'node:util';

/** One option of a command: a flag and an environment variable of the same meaning. */
export interface OptionSpec {
  readonly type: 'text' | 'integer' | 'flag';
  readonly help: string;
  readonly group: string;
  /** Shown in the help; applied by whoever reads the option. */
  readonly default?: string;
  /** Other variables that are looked at after `JIMS_<NAME>`. */
  readonly variables?: readonly string[];
  /** May be given several times; a variable then holds a comma list. */
  readonly several?: boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What was given for an option, in the order of precedence: flags, else the variable. */
export interface Given {
  readonly values: readonly string[];
  readonly from: 'flag' | 'variable';
  readonly name: string;
}

/** The command line cannot be understood; the message is what to print. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  constructor(message: string, options?: { cause?: unknown }) {
    super(
      `Usage: jims-api [OPTIONS]\nTry 'jims-api --help' for help.\n\nError: ${message}`,
      options,
    );
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const TRUE = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE = new Set(['0', 'false', 'f', 'no', 'n', 'off']);

/**
 * Reads what was given for each option of a table. A variable that is set but empty counts as not
 * set, as in the original.
 *
 * @throws UsageError for an unknown option, a missing value or an extra word.
 */
export function readOptions(
  table: OptionTable,
  argv: readonly string[],
  env: Environment,
): (name: string) => Given | undefined {
  const flags = parseFlags(table, argv);
  return (name) => {
    const given = flags[name];
    if (given !== undefined) return { values: given, from: 'flag', name: `--${name}` };
    const spec = table[name];
    const variable = [variableOf(name), ...(spec?.variables ?? [])].find((each) => env[each]);
    const text = variable === undefined ? undefined : env[variable];
    if (variable === undefined || text === undefined) return undefined;
    const values = spec?.several ? text.split(',').map((each) => each.trim()) : [text];
    return { values, from: 'variable', name: variable };
  };
}

/** `--api-key` → `JIMS_API_KEY`. */
export function variableOf(name: string): string {
  return `JIMS_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** @throws UsageError when the text is not an integer between `min` and `max`. */
export function asInteger(name: string, text: string, { min = 0, max = 2 ** 31 - 1 } = {}): number {
  const trimmed = text.trim();
  if (!/^[+-]?\d+$/.test(trimmed)) {
    throw new UsageError(`Invalid value for '--${name}': '${text}' is not a valid integer.`);
  }
  const value = Number(trimmed);
  if (value >= min && value <= max) return value;
  throw new UsageError(`Invalid value for '--${name}': ${value} is not between ${min} and ${max}.`);
}

/** @throws UsageError when the text is neither a yes nor a no. */
export function asFlag(name: string, text: string): boolean {
  const word = text.trim().toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw new UsageError(`Invalid value for '--${name}': '${text}' is not a valid boolean.`);
}

function parseFlags(
  table: OptionTable,
  argv: readonly string[],
): Readonly<Record<string, readonly string[]>> {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type }]) => [
      name,
      { type: type === 'flag' ? 'boolean' : 'string', multiple: true } as const,
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true });
    return Object.fromEntries(
      Object.entries(values).map(([name, given]) => [name, [given].flat().map(String)]),
    );
  } catch (cause) {
    throw new UsageError(explain(table, cause), { cause });
  }
}

function explain(table: OptionTable, error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const quoted = /'(.*?)'/.exec(error.message)?.[1] ?? '';
  const option = /^-{1,2}[^\s=,]+/.exec(quoted.replace(/^-\w, /, ''))?.[0] ?? quoted;
  switch ('code' in error ? error.code : undefined) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `No such option: ${option}${didYouMean(table, option)}`;
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `Got unexpected extra argument (${quoted})`;
    default:
      if (/argument missing/.test(error.message)) return `Option '${option}' requires an argument.`;
      if (/is ambiguous/.test(error.message)) {
        return `Option '${option}' requires an argument; one that begins with a dash is given as ${option}=-…`;
      }
      return error.message.split('\n', 1)[0] ?? error.message;
  }
}

function didYouMean(table: OptionTable, option: string): string {
  const near = Object.keys(table)
    .map((name) => `--${name}`)
    .filter((name) => name.startsWith(option) || distance(name, option) <= 2);
  return near.length === 0 ? '' : ` Did you mean ${near.join(', ')}?`;
}

/** Levenshtein's: how many letters to insert, drop or change. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of Array.from(a).entries()) {
    const above = row;
    row = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const changed = (above[j] ?? 0) + (letter === other ? 0 : 1);
      row.push(Math.min((above[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1, changed));
    }
  }
  return row.at(-1) ?? 0;
}
