import type { Scenario } from '../lab/lab.ts';
import { runTests } from '../lab/run-tests.ts';

const CORE = 'packages/jims-core/test';
const API = 'packages/jims-api/test';

/** F19: however much a thread has, no more than so much is read at once; what is erased is gone. */
export const largeAndErased: Scenario = {
  id: 'F19',
  about: 'threads, events and configs of any size are read, followed and erased, in small pieces',
  async run(lab) {
    const timeoutMs = 120_000;
    const sizes = ['store/bounds', 'store/watching', 'run/event-cache', 'run/large-threads'];
    const files = [...sizes.map(testOfCore), `${API}/protocols/large-threads.slow.test.ts`];
    await runTests(lab, { files, rule: 'size', timeoutMs });
    const erasing = ['store/erasing', 'store/sqlite-file'];
    await runTests(lab, { files: erasing.map(testOfCore), rule: 'erased', timeoutMs });
  },
};

function testOfCore(name: string): string {
  return `${CORE}/${name}.test.ts`;
}
