import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const SHORT_RACES = 50;
const LONG_RACES = 1000;

/** F23: on PostgreSQL a process stores results of steps while another one takes its run over. */
export const stepAgainstTakeover: Scenario = {
  id: 'F23',
  about: 'results of steps are stored while another process takes the run over, on PostgreSQL',
  async run(lab) {
    const races = lab.isLong ? LONG_RACES : SHORT_RACES;
    const said = await runTests(lab, {
      files: ['packages/jims-core/test/store/postgres/fence.test.ts'],
      rule: 'durable',
      env: { JIMS_FENCE_RACES: String(races) },
      timeoutMs: 600_000,
    });
    lab.figure('races', races);
    for (const [, results] of said.matchAll(/^ *ℹ (\d+) results/gm)) {
      lab.figure('results stored', results ?? '');
    }
  },
};
