import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { RULES, createChecks } from '../check/checks.ts';
import { openHistory } from './history.ts';
import { Skipped } from './lab.ts';
import type { Lab, Scenario } from './lab.ts';
import { createRandom } from './random.ts';

/** How scenarios are run. */
export interface Terms extends Pick<Lab, 'isLong' | 'source' | 'stores' | 'postgres'> {
  readonly seed: number;
  /** Each scenario gets a folder of its own in it. */
  readonly folder: string;
  /** Ends everything at the first rule that is broken. */
  readonly untilBroken: boolean;
}

export interface Outcome {
  readonly scenario: Scenario;
  readonly verdict: 'holds' | 'BROKEN' | 'skipped';
  readonly seconds: number;
  /** The rules, and how often each was looked at. */
  readonly checked: string;
}

const MOST_SHOWN = 12;

/** Runs a scenario, and prints what comes of it as it comes. */
export async function runScenario(scenario: Scenario, terms: Terms): Promise<Outcome> {
  const { seed, isLong, untilBroken } = terms;
  const from = performance.now();
  console.log(`${scenario.id.padEnd(4)} ${scenario.about}`);
  const folder = join(terms.folder, scenario.id);
  mkdirSync(folder);
  using history = openHistory(join(folder, 'history.jsonl'));
  let shown = 0;
  const checks = createChecks((rule, what) => {
    history.write({ what: 'VIOLATION', rule, of: what });
    if (++shown <= MOST_SHOWN) console.log(`       ${rule} is broken: ${what}`);
    if (untilBroken) process.exit(1);
  });
  const figures: string[] = [];
  let verdict: Outcome['verdict'] = 'holds';
  try {
    await scenario.run({
      ...terms,
      folder,
      checks,
      history,
      random: createRandom(seed),
      figure: (name, value) => void figures.push(`${name} ${value}`),
      note: (text) => console.log(`       ${text}`),
    });
    if (checks.total === 0) throw new Error('Nothing was checked');
  } catch (error) {
    verdict = error instanceof Skipped ? 'skipped' : 'BROKEN';
    console.log(`       ${describe(error)}`);
  }
  if (checks.violations.length > 0) verdict = 'BROKEN';
  const seconds = (performance.now() - from) / 1000;
  console.log(
    `     ${verdict}, ${seconds.toFixed(1)} s, ${checks.total} checks; ${figures.join(', ')}`,
  );
  if (verdict === 'BROKEN') {
    const long = isLong ? ' --long' : '';
    console.log(`     ${checks.violations.length} violations; history ${history.file}`);
    console.log(`     again: npm run faults -- ${scenario.id} --seed ${seed}${long}`);
  }
  const checked = RULES.filter((rule) => checks.count(rule) > 0)
    .map((rule) => `${rule} ${checks.count(rule)}`)
    .join(', ');
  return { scenario, verdict, seconds, checked };
}

function describe(error: unknown): string {
  if (error instanceof Skipped) return `skipped: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
