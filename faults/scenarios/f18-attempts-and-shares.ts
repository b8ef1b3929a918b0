import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const CORE = 'packages/jims-core/test/run';
const API = 'packages/jims-api/test';
const TIMEOUT_MS = 120_000;

/** F18: readers of runs that run again, answers of the database that are lost, floods by one contact. */
export const attemptsAndShares: Scenario = {
  id: 'F18',
  about:
    'readers across the attempts of a run, lost answers of the database, floods by one contact',
  async run(lab) {
    const rounds = lab.isLong ? 10 : 1;
    const readers = [
      `${CORE}/attempts.test.ts`,
      `${CORE}/lost-answers.test.ts`,
      `${API}/protocols/jims/runs.test.ts`,
      `${API}/protocols/every-protocol.test.ts`,
    ];
    for (let round = 0; round < rounds; round++) {
      await runTests(lab, { files: readers, rule: 'stream', timeoutMs: TIMEOUT_MS });
      const floods = [`${API}/server/shares.test.ts`];
      await runTests(lab, { files: floods, rule: 'I9', timeoutMs: TIMEOUT_MS });
    }
    lab.figure('rounds', rounds);
  },
};
