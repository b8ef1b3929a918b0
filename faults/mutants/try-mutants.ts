import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import type { Terms } from '../lab/run-scenario.ts';
import { breakSource } from './broken-source.ts';
import type { Mutant } from './mutant.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const MOST_SHOWN = 80;

interface Trial {
  readonly mutant: Mutant;
  readonly scenario: string;
  /** `noticed` by a rule. What fails otherwise shows nothing: a mutant may just not start. */
  readonly verdict: 'noticed' | 'SURVIVED' | 'harmless' | 'HARMFUL' | 'FAILED' | 'skipped';
  readonly why: string;
  readonly seconds: number;
}

const WRONG: ReadonlySet<Trial['verdict']> = new Set(['SURVIVED', 'HARMFUL', 'FAILED']);

/** Runs the scenarios against each mutant, and prints which rule found which mutant. */
export async function tryMutants(
  mutants: readonly Mutant[],
  terms: Pick<Terms, 'seed' | 'folder' | 'source' | 'postgres'>,
): Promise<number> {
  console.log(`seed ${terms.seed}, ${mutants.length} mutants\n`);
  const { url } = await terms.postgres();
  const trials: Trial[] = [];
  for (const mutant of mutants) {
    const source = join(terms.folder, mutant.name);
    mkdirSync(source);
    breakSource(terms.source, source, mutant);
    for (const scenario of mutant.scenarios) {
      const trial = await tryMutant(mutant, scenario, { ...terms, source, url });
      console.log(lineOf(trial));
      trials.push(trial);
    }
    rmSync(source, { recursive: true });
  }
  const counts = Object.entries(Object.groupBy(trials, ({ verdict }) => verdict));
  console.log(`\n${counts.map(([verdict, each]) => `${each.length} ${verdict}`).join(', ')}`);
  return trials.some(({ verdict }) => WRONG.has(verdict)) ? 1 : 0;
}

async function tryMutant(
  mutant: Mutant,
  scenario: string,
  { seed, source, url }: { seed: number; source: string; url: string },
): Promise<Trial> {
  const from = performance.now();
  const where = mutant.store === undefined ? [] : ['--store', mutant.store];
  const flags = ['--source', source, '--seed', String(seed), '--until-broken', ...where];
  const command = ['--conditions=@jims/source', MAIN, scenario, ...flags];
  const child = spawn(process.execPath, command, {
    env: {
      ...process.env,
      FAULTS_POSTGRES_URL: url,
      ...(mutant.tests && { FAULTS_TESTS: mutant.tests.join(',') }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const seconds = (performance.now() - from) / 1000;
  const broken = /^ +(\w+ is broken: .*)/m.exec(said)?.[1];
  const skipped = /^ +skipped: (.*)/m.exec(said)?.[1];
  const about = { mutant, scenario, seconds };
  const { isHarmless = false } = mutant;
  if (broken !== undefined) {
    return { ...about, verdict: isHarmless ? 'HARMFUL' : 'noticed', why: broken };
  }
  if (code !== 0) return { ...about, verdict: 'FAILED', why: said };
  if (skipped !== undefined) return { ...about, verdict: 'skipped', why: skipped };
  return { ...about, verdict: isHarmless ? 'harmless' : 'SURVIVED', why: mutant.about };
}

function lineOf({ mutant, scenario, verdict, why, seconds }: Trial): string {
  const shown = verdict === 'FAILED' ? `\n${why}` : why.slice(0, MOST_SHOWN);
  const time = `${seconds.toFixed(0)} s`.padStart(5);
  return `${mutant.name.padEnd(26)} ${scenario.padEnd(4)} ${verdict.padEnd(9)} ${time}  ${shown}`;
}
