// npm run faults: what is promised of runs, while processes, databases and networks fail. README.md
// says what is done and what is checked.
//
//   npm run faults                       the short form of all
//   npm run faults -- F3 F6              these
//   npm run faults -- --long             the long form
//   npm run faults -- F3 --seed 4711     with the choices of an earlier run
//   npm run faults -- F6 --store SQLite  on one of the stores, where there are two
//   npm run faults -- F3 --source DIR    against other sources
//   npm run faults -- --mutants          whether sources that are broken on purpose are found out
//   npm run faults -- --mutants NAME     these of them; `--quick` for those that take no time
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { STORES } from './lab/lab.ts';
import type { Scenario } from './lab/lab.ts';
import { startPostgresServer } from './lab/postgres-server.ts';
import type { PostgresServer } from './lab/postgres-server.ts';
import { runScenario } from './lab/run-scenario.ts';
import type { Outcome } from './lab/run-scenario.ts';
import { requireFit } from './mutants/broken-source.ts';
import { MUTANTS, chooseMutants } from './mutants/index.ts';
import { tryMutants } from './mutants/try-mutants.ts';
import { SCENARIOS } from './scenarios/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    seed: { type: 'string' },
    store: { type: 'string' },
    source: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
    mutants: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    /** Of the mutants alone: ends at the first rule that is broken. */
    'until-broken': { type: 'boolean', default: false },
  },
});
const stores = STORES.filter((store) => values.store === undefined || values.store === store);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const folder = mkdtempSync(join(tmpdir(), 'jims-faults-'));
let keepsFolder = false;
process.on('exit', () => {
  if (!keepsFolder) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

process.exitCode = await main();
// A client that was left alone may hold a socket for a while.
process.exit();

async function main(): Promise<number> {
  if (stores.length === 0) {
    console.error(`No such store: ${values.store}. There are ${STORES.join(' and ')}`);
    return 2;
  }
  let server: Promise<PostgresServer> | undefined;
  const postgres = (): Promise<PostgresServer> => (server ??= startPostgresServer());
  try {
    if (!values.mutants) return await runAll(choose(positionals), postgres);
    const mutants = chooseMutants(positionals, values.quick);
    // Also those that are not tried now: else they would grow old unseen.
    for (const mutant of MUTANTS) requireFit(values.source, mutant);
    return await tryMutants(mutants, { folder, seed, source: values.source, postgres });
  } finally {
    await (await server)?.[Symbol.asyncDispose]();
  }
}

async function runAll(
  scenarios: readonly Scenario[],
  postgres: () => Promise<PostgresServer>,
): Promise<number> {
  const form = values.long ? 'long' : 'short';
  console.log(`seed ${seed}, ${form} form, histories in ${folder}\n`);
  const outcomes: Outcome[] = [];
  for (const scenario of scenarios) {
    const untilBroken = values['until-broken'];
    const options = { seed, folder, postgres, stores, source: values.source, isLong: values.long };
    outcomes.push(await runScenario(scenario, { ...options, untilBroken }));
  }
  console.log('\nWhat was checked, and how often:');
  for (const { scenario, verdict, seconds, checked } of outcomes) {
    const time = `${seconds.toFixed(0)} s`.padStart(6);
    console.log(`${scenario.id.padEnd(4)} ${verdict.padEnd(8)} ${time}  ${checked}`);
  }
  keepsFolder = outcomes.some(({ verdict }) => verdict === 'BROKEN');
  if (keepsFolder) console.log(`\nHistories and logs are kept in ${folder}`);
  return keepsFolder ? 1 : 0;
}

function choose(ids: readonly string[]): readonly Scenario[] {
  const unknown = ids.filter((id) => !SCENARIOS.some((scenario) => scenario.id === id));
  if (unknown.length > 0) {
    const known = SCENARIOS.map(({ id, about }) => `  ${id.padEnd(4)} ${about}`).join('\n');
    console.error(`No such scenario: ${unknown.join(', ')}. There are:\n${known}`);
    process.exit(2);
  }
  return ids.length === 0 ? SCENARIOS : SCENARIOS.filter(({ id }) => ids.includes(id));
}
