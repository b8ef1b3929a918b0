import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const TESTS = 'packages/jims-api/test/auth';

/** F17: the service that authenticates callers is slow, away or wrong; then nobody gets in. */
export const callers: Scenario = {
  id: 'F17',
  about:
    'providers that say who a caller is: caches, one call for many, down, slow, redirects, garbage',
  async run(lab) {
    const rounds = lab.isLong ? 10 : 1;
    for (let round = 0; round < rounds; round++) {
      await runTests(lab, { files: [`${TESTS}/*.test.ts`], rule: 'I9', timeoutMs: 60_000 });
    }
    lab.figure('rounds', rounds);
  },
};
