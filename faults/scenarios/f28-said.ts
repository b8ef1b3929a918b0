import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const CORE = 'packages/jims-core/test';
const API = 'packages/jims-api/test';
const FILES = [
  `${CORE}/store/files.test.ts`,
  `${CORE}/store/feedback.test.ts`,
  `${CORE}/store/thread-activity.test.ts`,
  `${CORE}/store/thread-lists.test.ts`,
  `${CORE}/run/tools.test.ts`,
  `${CORE}/llm/tools/run.test.ts`,
  `${CORE}/llm/chat/message-order.test.ts`,
  `${CORE}/app/files.test.ts`,
  `${API}/chat/work-reader.test.ts`,
];

/** F28: the rules of files, tools, feedback and lists of threads, one by one. */
export const rulesOfWhatIsSaid: Scenario = {
  id: 'F28',
  about: 'the rules of files, tools, feedback and lists of threads, one by one',
  async run(lab) {
    // A mutant says which of them are to notice it.
    const chosen = process.env['FAULTS_TESTS']?.split(',');
    await runTests(lab, {
      files: chosen ?? FILES,
      rule: 'said',
      timeoutMs: 120_000,
      untilFailure: chosen !== undefined,
    });
  },
};
