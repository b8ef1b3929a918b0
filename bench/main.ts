// npm run bench: what JIMS costs, as ratios to a floor. README.md says what is measured and how.
//
//   npm run bench                                all scenarios
//   npm run bench -- chat streams                these
//   npm run bench -- chat --seconds 5 --connections 128 --rounds 9
//   npm run bench -- protocols tokens --protocol mcp --protocol a2a
//   npm run bench -- chat --profile /tmp/profiles     with a CPU profile of each of our processes
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startLoadGenerator } from './load/load-generator.ts';
import { machineFacts } from './machine.ts';
import type { Bench, Row, Scenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { startPostgresServer } from './stores/postgres.ts';
import type { PostgresServer } from './stores/postgres.ts';
import { table } from './table.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    profile: { type: 'string' },
    protocol: { type: 'string', multiple: true, default: [] },
  },
});
const chosen = choose(positionals);
console.log('building');
execFileSync('npm', ['run', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });

await using stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'jims-bench-'));
let postgres: Promise<PostgresServer> | undefined;
const bench: Bench = {
  seconds: positive('seconds', values.seconds),
  connections: positive('connections', values.connections),
  rounds: positive('rounds', values.rounds),
  folder,
  profileFolder: values.profile,
  protocols: values.protocol,
  load: stack.use(startLoadGenerator()),
  postgres() {
    postgres ??= startPostgresServer().then((server) => stack.use(server));
    return postgres;
  },
  note: (text) =>
    console.log(`${String(Math.round(performance.now() / 1000)).padStart(4)} s  ${text}`),
};

const facts = machineFacts(folder);
const rows: Row[] = [];
try {
  for (const scenario of chosen) {
    bench.note(scenario.name);
    rows.push(...(await scenario.run(bench)));
  }
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
} catch (error) {
  console.error(`The logs of the programs are in ${folder}`);
  throw error;
} finally {
  // What was measured before something failed is worth seeing.
  await report();
}

async function report(): Promise<void> {
  const server = postgres ? `, PostgreSQL ${(await postgres).version}` : '';
  console.log(`\n${facts}${server}`);
  console.log(
    `${bench.connections} connections, ${bench.rounds} rounds of ${bench.seconds} s each\n`,
  );
  console.log(table(rows));
  console.log('\n✓ target met  ✗ missed  ~ missed, and the machine had no more to give');
}

function choose(names: readonly string[]): readonly Scenario[] {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    const known = scenarios.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n');
    console.error(`No such scenario: ${unknown.join(', ')}. There are:\n${known}`);
    process.exit(2);
  }
  return names.length === 0 ? scenarios : scenarios.filter(({ name }) => names.includes(name));
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  console.error(`--${name} must be a number above 0, got '${text}'`);
  process.exit(2);
}
