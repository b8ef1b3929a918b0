import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const TESTS = 'packages/jims-core/test/run';
const LONG_RUNS = 20_000;
/** For each test on each store; the runs that are left then are skipped, and reported. */
const LONG_MS = 120_000;

/** F16: what may be done to runs, in any order, against models of a few lines. */
export const modelOfRuns: Scenario = {
  id: 'F16',
  about:
    'any steps against a model of a run, any order of the answers of a store, and any history of durable conversations',
  async run(lab) {
    const long = { JIMS_MODEL_RUNS: String(LONG_RUNS), JIMS_MODEL_MS: String(LONG_MS) };
    const said = await runTests(lab, {
      files: [
        `${TESTS}/model.slow.test.ts`,
        `${TESTS}/interleavings.slow.test.ts`,
        `${TESTS}/durable-model.slow.test.ts`,
      ],
      rule: 'I3',
      env: lab.isLong ? long : {},
      timeoutMs: lab.isLong ? LONG_MS * 2 : 300_000,
    });
    for (const [, runs, what] of said.matchAll(/^ *ℹ (\d+) (sequences.*|executions.*)$/gm)) {
      lab.figure(what ?? '', runs ?? '');
    }
  },
};
