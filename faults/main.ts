// npm run faults: what is promised of runs, while processes, databases and networks fail. README.md
// says what is done and what is checked.
//
//   npm run faults                     the short form of all
//   npm run faults -- F3 F6            these
//   npm run faults -- --long           the long form
//   npm run faults -- F3 --seed 4711   with the choices of an earlier run
//   npm run faults -- F3 --source DIR  against other sources, as a copy that was broken on purpose
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createChecks } from './check/checks.ts';
import { RULES } from './check/checks.ts';
import { openHistory } from './lab/history.ts';
import { Skipped } from './lab/lab.ts';
import type { Lab, Scenario } from './lab/lab.ts';
import { startPostgresServer } from './lab/postgres-server.ts';
import type { PostgresServer } from './lab/postgres-server.ts';
import { createRandom } from './lab/random.ts';
import { SCENARIOS } from './scenarios/index.ts';

interface Outcome {
  readonly scenario: Scenario;
  readonly verdict: 'holds' | 'BROKEN' | 'skipped';
  readonly seconds: number;
  readonly checked: string;
  readonly figures: string;
}

const MOST_SHOWN = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    seed: { type: 'string' },
    source: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

process.exitCode = await main();
// A client that was left alone may hold a socket for a while.
process.exit();

async function main(): Promise<number> {
  const chosen = choose(positionals);
  const folder = mkdtempSync(join(tmpdir(), 'jims-faults-'));
  let server: Promise<PostgresServer> | undefined;
  const postgres = (): Promise<PostgresServer> => (server ??= startPostgresServer());
  console.log(`seed ${seed}, ${values.long ? 'long' : 'short'} form, histories in ${folder}\n`);
  const outcomes: Outcome[] = [];
  try {
    for (const scenario of chosen) outcomes.push(await show(scenario, { folder, postgres }));
  } finally {
    await (await server)?.[Symbol.asyncDispose]();
  }
  const isBroken = outcomes.some(({ verdict }) => verdict === 'BROKEN');
  printTable(outcomes);
  if (isBroken) console.log(`\nHistories and logs are kept in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  return isBroken ? 1 : 0;
}

async function show(
  scenario: Scenario,
  { folder, postgres }: { folder: string; postgres: Lab['postgres'] },
): Promise<Outcome> {
  const from = performance.now();
  console.log(`${scenario.id.padEnd(4)} ${scenario.about}`);
  const own = join(folder, scenario.id);
  mkdirSync(own);
  using history = openHistory(join(own, 'history.jsonl'));
  let shown = 0;
  const checks = createChecks((rule, what) => {
    history.write({ what: 'VIOLATION', rule, of: what });
    if (++shown <= MOST_SHOWN) console.log(`       ${rule} is broken: ${what}`);
  });
  const figures: string[] = [];
  let verdict: Outcome['verdict'] = 'holds';
  try {
    await scenario.run({
      random: createRandom(seed),
      isLong: values.long,
      folder: own,
      source: values.source,
      checks,
      history,
      postgres,
      figure: (name, value) => void figures.push(`${name} ${value}`),
      note: (text) => console.log(`       ${text}`),
    });
    if (checks.total === 0) throw new Error('Nothing was checked');
  } catch (error) {
    if (error instanceof Skipped) {
      console.log(`       skipped: ${error.message}`);
      verdict = 'skipped';
    } else {
      console.log(`       ${error instanceof Error ? error.stack : String(error)}`);
      verdict = 'BROKEN';
    }
  }
  if (checks.violations.length > 0) verdict = 'BROKEN';
  const seconds = (performance.now() - from) / 1000;
  console.log(
    `     ${verdict}, ${seconds.toFixed(1)} s, ${checks.total} checks; ${figures.join(', ')}`,
  );
  if (verdict === 'BROKEN') {
    console.log(`     ${checks.violations.length} violations; history ${history.file}`);
    const long = values.long ? ' --long' : '';
    console.log(`     again: npm run faults -- ${scenario.id} --seed ${seed}${long}`);
  }
  const checked = RULES.filter((rule) => checks.count(rule) > 0)
    .map((rule) => `${rule} ${checks.count(rule)}`)
    .join(', ');
  return { scenario, verdict, seconds, checked, figures: figures.join(', ') };
}

function printTable(outcomes: readonly Outcome[]): void {
  console.log('\nWhat was checked, and how often:');
  for (const { scenario, verdict, seconds, checked } of outcomes) {
    const time = `${seconds.toFixed(0)} s`.padStart(6);
    console.log(`${scenario.id.padEnd(4)} ${verdict.padEnd(8)} ${time}  ${checked}`);
  }
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
