import { parseArgs } from 'node:util';

import { variablesOf } from './option-table.ts';
import type { Environment, OptionTable } from './option-table.ts';

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

/** What was given for an option: by flags, or else by a variable. */
interface GivenOption {
  readonly values: readonly string[];
  readonly from: 'flag' | 'variable';
  /** The flag or the variable. */
  readonly name: string;
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const TRUE = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE = new Set(['0', 'false', 'f', 'no', 'n', 'off']);

/**
 * What was given for the options of a table. Flags win over variables; a variable that is set but empty
 * counts as not set, as in the original. Each method throws a UsageError for a value that it cannot read.
 */
export class GivenOptions<TName extends string> {
  readonly #table: OptionTable;
  readonly #flags: Readonly<Record<string, readonly string[]>>;
  readonly #env: Environment;
  /** The words that are not options: at most as many as the command takes. */
  readonly words: readonly string[];

  /** @throws UsageError for an unknown option, a missing value or an extra word. */
  constructor(table: OptionTable, argv: readonly string[], env: Environment, maxWords = 0) {
    const { flags, words } = parseWords(table, argv);
    const extra = words[maxWords];
    if (extra !== undefined) {
      throw new UsageError(`Got unexpected extra argument (${hidden(extra)})`);
    }
    this.#table = table;
    this.#flags = flags;
    this.words = words;
    this.#env = env;
  }

  get(name: TName): GivenOption | undefined {
    const given = this.#flags[name];
    if (given !== undefined) return { values: given, from: 'flag', name: `--${name}` };
    const spec = this.#table[name];
    const variable = spec && variablesOf(name, spec).find((each) => this.#env[each]);
    const text = variable === undefined ? undefined : this.#env[variable];
    if (variable === undefined || text === undefined) return undefined;
    // A file of a secret ends with a line break, which would be a part of the name of a database.
    const values = (spec?.several ? text.split(',') : [text]).map((each) => each.trim());
    return { values, from: 'variable', name: variable };
  }

  /** The last value. */
  text(name: TName): string | undefined {
    return this.get(name)?.values.at(-1);
  }

  /** All values; a flag, too, may hold several with commas between them. */
  list(name: TName): readonly string[] | undefined {
    return this.get(name)?.values.flatMap((each) => each.split(',').map((item) => item.trim()));
  }

  flag(name: TName): boolean {
    const text = this.text(name) ?? 'false';
    const word = text.trim().toLowerCase();
    if (TRUE.has(word)) return true;
    if (FALSE.has(word)) return false;
    throw invalid(name, `'${text}' is not a valid boolean.`);
  }

  /** The number that was given, or else the default of the table. */
  integer(name: TName, { min = 0, max = 2 ** 31 - 1 }: Range = {}): number {
    const text = this.text(name) ?? this.#table[name]?.default ?? '';
    if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid(name, `'${text}' is not a valid integer.`);
    const value = Number(text);
    if (value >= min && value <= max) return value;
    throw invalid(name, `${value} is not between ${min} and ${max}.`);
  }

  integerIfGiven(name: TName, range: Range): number | undefined {
    return this.get(name) && this.integer(name, range);
  }

  /** The word that was given, or else the default of the table. */
  oneOf<TWord extends string>(name: TName, words: readonly TWord[]): TWord {
    const word = this.text(name) ?? this.#table[name]?.default;
    const known = words.find((each) => each === word);
    if (known) return known;
    throw invalid(name, `'${word}' is not one of ${words.join(', ')}.`);
  }
}

/** An option has a value that it cannot have; the reason is a sentence, which quotes the value. */
export function invalid(name: string, reason: string): UsageError {
  return new UsageError(`Invalid value for '--${name}': ${reason.replace(/(?<=').*@/s, hidden)}`);
}

/** What is before an @ may be a user and a password, however the address is written. */
function hidden(text: string): string {
  return text.replace(/^.*@/s, '***@');
}

interface ParsedWords {
  readonly flags: Readonly<Record<string, readonly string[]>>;
  readonly words: readonly string[];
}

function parseWords(table: OptionTable, argv: readonly string[]): ParsedWords {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type }]) => [
      name,
      { type: type === 'flag' ? 'boolean' : 'string', multiple: true } as const,
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options,
      strict: true,
      allowPositionals: true,
    });
    const flags = Object.fromEntries(
      Object.entries(values).map(([name, given]) => [name, [given].flat().map(String)]),
    );
    return { flags, words: positionals };
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
