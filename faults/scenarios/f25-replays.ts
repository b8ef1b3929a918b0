import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const TESTS = 'packages/jims-core/test';
const FILES = [
  'run/journal.test.ts',
  'run/steps.test.ts',
  'run/asking.test.ts',
  'run/suspects.test.ts',
  'run/durable-model.slow.test.ts',
  'store/journals.test.ts',
  'store/questions.test.ts',
  'store/recovery.test.ts',
];
const LONG_RUNS = 20_000;
/** For each test of the model on each store. */
const LONG_MS = 120_000;

/** F25: pipelines are executed again over what is kept of them, against a model and step by step. */
export const replays: Scenario = {
  id: 'F25',
  about: 'replays of random pipelines against a model, and the rules of replays one by one',
  async run(lab) {
    // A mutant says which of them are to notice it.
    const chosen = process.env['FAULTS_TESTS']?.split(',');
    const files = chosen ?? FILES;
    const long = { JIMS_MODEL_RUNS: String(LONG_RUNS), JIMS_MODEL_MS: String(LONG_MS) };
    const said = await runTests(lab, {
      files: files.map((file) => `${TESTS}/${file}`),
      rule: 'durable',
      env: lab.isLong ? long : {},
      timeoutMs: lab.isLong ? LONG_MS * 2 : 120_000,
      untilFailure: chosen !== undefined,
    });
    for (const [, count, what] of said.matchAll(/^ *ℹ (\d+) (executions.*)$/gm)) {
      lab.figure(what ?? '', count ?? '');
    }
  },
};
