import type { Run } from 'jims-core';
import { describeError } from 'jims-core/host';

import type { ApiContext, Call } from '../../../http/route.ts';

/**
 * Erases the thread of a run when the run is over: it was made for one answer. A run that was found again
 * by its key is left alone, as another request may have started it.
 */
export function throwAway({ app, logger }: ApiContext, { requestId }: Call, run: Run): void {
  if (run.replayed) return;
  const erased = run.end.then(() => app.threads.delete({ threadId: run.thread.id }));
  erased.catch((error: unknown) => {
    logger.warn({ requestId, error: describeError(error) }, 'cannot erase a thread of one answer');
  });
}
