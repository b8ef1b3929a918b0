import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { failCurrentRun } from '../run/stop-switch.ts';

/** The pipeline of a test that is executed now. */
const scope = new AsyncLocalStorage<{ isOver: boolean }>();
const ERRORS: ReadonlySet<unknown> = new Set(['unhandledRejection', 'uncaughtException']);
let isWatching = false;

/**
 * Executes a pipeline whose run fails by an error that it leaves behind, in a promise that nobody awaits or in a
 * timer, as in a service. A test runner may take such an error for that of another test.
 */
export async function withErrorsLeftBehind(pipeline: () => unknown): Promise<void> {
  watch();
  const execution = { isOver: false };
  try {
    await scope.run(execution, pipeline);
    // A promise that it has rejected last is reported by then.
    await nextTurn();
  } finally {
    execution.isOver = true;
  }
}

/** Listeners cannot keep an error from each other, and the runner's may be the first. */
function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.emit = new Proxy(process.emit, {
    apply(emit, self, args: readonly unknown[]) {
      const [name, error] = args;
      const isTaken = ERRORS.has(name) && scope.getStore()?.isOver === false;
      return (isTaken && failCurrentRun(error)) || Reflect.apply(emit, self, args);
    },
  });
}
