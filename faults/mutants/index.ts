import type { StoreName } from '../lab/lab.ts';
import {
  DURABLE_MUTANTS,
  DURABLE_POSTGRES_MUTANTS,
  DURABLE_SQLITE_MUTANTS,
} from './durable-mutants.ts';
import { JOURNAL_MUTANTS } from './journal-mutants.ts';
import type { Mutant } from './mutant.ts';
import { POSTGRES_MUTANTS } from './postgres-mutants.ts';
import { SAID_MUTANTS, SAID_POSTGRES_MUTANTS, SAID_SQLITE_MUTANTS } from './said-mutants.ts';
import { SERVICE_MUTANTS } from './service-mutants.ts';
import { SIZE_MUTANTS } from './size-mutants.ts';
import { SQLITE_MUTANTS } from './sqlite-mutants.ts';

export const MUTANTS: readonly Mutant[] = [
  ...POSTGRES_MUTANTS.map(of('PostgreSQL')),
  ...SQLITE_MUTANTS.map(of('SQLite')),
  ...SERVICE_MUTANTS,
  ...SIZE_MUTANTS,
  ...DURABLE_MUTANTS,
  ...JOURNAL_MUTANTS,
  ...DURABLE_POSTGRES_MUTANTS.map(of('PostgreSQL')),
  ...DURABLE_SQLITE_MUTANTS.map(of('SQLite')),
  ...SAID_MUTANTS,
  ...SAID_POSTGRES_MUTANTS.map(of('PostgreSQL')),
  ...SAID_SQLITE_MUTANTS.map(of('SQLite')),
];
/** Of these the first violation comes within seconds. */
const QUICK: ReadonlySet<string> = new Set(['F6', 'F7', 'F10', 'F11', 'F13']);

/** Those that are named, or all; `quick` leaves out what takes more than seconds. */
export function chooseMutants(names: readonly string[], quick: boolean): readonly Mutant[] {
  const unknown = names.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    const known = MUTANTS.map(({ name, about }) => `  ${name.padEnd(26)} ${about}`).join('\n');
    console.error(`No such mutant: ${unknown.join(', ')}. There are:\n${known}`);
    process.exit(2);
  }
  return MUTANTS.filter(
    ({ name, scenarios }) =>
      (names.length === 0 || names.includes(name)) &&
      (!quick || scenarios.every((scenario) => QUICK.has(scenario))),
  );
}

function of(store: StoreName): (mutant: Mutant) => Mutant {
  return (mutant) => ({ ...mutant, store });
}
