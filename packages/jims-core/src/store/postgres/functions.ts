import { SUPERSEDED } from '../../thread/thread.ts';
import {
  FRESH_BYTES,
  FRESH_EVENTS,
  MAX_SERVICE_QUESTIONS,
  MAX_SUBSCRIPTIONS,
  RECOVERY_PAUSES_MS,
  RETRIED_CODES,
  RETRIED_FOR_MS,
  SUSPECT_RECOVERIES,
} from '../store.ts';
import type { Parameter } from './parameters.ts';
import { quoted } from './schemas.ts';
import { readSql } from './sql/read-sql.ts';

/**
 * In this order, as a function in plain SQL must find the functions that it calls. Of a function that has two
 * forms the later one is called.
 */
const FILES = [
  'old-forms',
  'bounded',
  'activity',
  'noted',
  'events',
  'threads',
  'erase-threads',
  'external-ids',
  'questions',
  'chains',
  'end-runs',
  'cancel-run',
  'repeat-run',
  'accept-run',
  'recover',
  'clear-up',
  'search',
  'overviews',
  'feedback',
  'files',
  'run-lists',
  'outbox',
];

/**
 * How many messages a search looks at before it asks the index, and how many it takes from there. A word that no
 * more messages have than the last is rare.
 */
const SEARCH_LOOK_AT = 500;
const SEARCH_HITS = 20_000;
const SEARCH_RARE = 1000;

/**
 * All functions, as this version has them. They are made anew after the last step of an upgrade, so
 * that their sources may be edited freely; but a database that is up to date is left alone: a change
 * after a release needs a new step, be it an empty one. The old form of a function whose parameters
 * change stays, for the processes of the old version that still run; a step drops one whose result
 * changes.
 */
export const FUNCTIONS: string = FILES.map(readSql)
  .join('\n')
  .replaceAll(':fresh_events', String(FRESH_EVENTS))
  .replaceAll(':fresh_bytes', String(FRESH_BYTES))
  .replaceAll(":'superseded'", `'${SUPERSEDED}'`)
  .replaceAll(':max_service_questions', String(MAX_SERVICE_QUESTIONS))
  .replaceAll(':max_subscriptions', String(MAX_SUBSCRIPTIONS))
  .replaceAll(':recovery_pauses', `'{${RECOVERY_PAUSES_MS.join(', ')}}'::integer[]`)
  .replaceAll(':suspect_recoveries', String(SUSPECT_RECOVERIES))
  .replaceAll(':retried_codes', `'{${RETRIED_CODES.join(', ')}}'::text[]`)
  .replaceAll(':retried_for_ms', String(RETRIED_FOR_MS))
  .replaceAll(':search_look_at', String(SEARCH_LOOK_AT))
  .replaceAll(':search_hits', String(SEARCH_HITS))
  .replaceAll(':search_rare', String(SEARCH_RARE));

/** Arguments by the names of the function's parameters, without `p_`. One that is left out is null. */
export type Arguments = Readonly<Record<string, Parameter>>;

export interface FunctionCall {
  readonly name: string;
  readonly args: Arguments;
}

/**
 * A call of a function of our own schema as SQL, whose parameters are numbered from `first` on.
 *
 * The arguments are sent in the order of the function's parameters. PostgreSQL would take them by name,
 * too (`p_key => $1`), but then looks all names up at each call: that costs as much as a third of the call.
 *
 * @throws TypeError for a function that does not exist, and for an argument that it does not take.
 */
export function callSql(
  schema: string,
  { name, args }: FunctionCall,
  first = 1,
): { readonly sql: string; readonly values: readonly Parameter[] } {
  const parameters = PARAMETERS.get(name);
  if (!parameters) throw new TypeError(`There is no function ${name}`);
  for (const each in args) {
    if (!parameters.includes(each)) throw new TypeError(`The function ${name} takes no ${each}`);
  }
  const values = parameters.map((parameter) => args[parameter]);
  return { sql: `${quoted(schema)}.${name}(${placeholders(first, values.length)})`, values };
}

/** The parameters of each function in their order, as its declaration names them. */
const PARAMETERS: ReadonlyMap<string, readonly string[]> = new Map(
  Array.from(
    FUNCTIONS.matchAll(/create or replace function jims\.(\w+)\(([^)]*)\)/g),
    ([, name = '', declared = '']) => [
      name,
      Array.from(declared.matchAll(/\bp_(\w+) /g), ([, parameter = '']) => parameter),
    ],
  ),
);

/** By their first number and their count, of which there are few: they are needed at each call. */
const PLACEHOLDERS = new Map<string, string>();

/** `$4, $5, $6`. */
function placeholders(first: number, count: number): string {
  const key = `${first} ${count}`;
  let text = PLACEHOLDERS.get(key);
  if (text === undefined) {
    text = Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ');
    PLACEHOLDERS.set(key, text);
  }
  return text;
}
