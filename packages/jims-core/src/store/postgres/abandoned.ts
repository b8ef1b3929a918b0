import type { AcceptRequest } from '../store.ts';
import type { Database } from './database.ts';

/**
 * Requests that were sent, and whose answer never came. Who asked was told that the store is
 * unavailable, and runs nothing; but the run may have been accepted, and while this process lives
 * nobody would take it for lost: its thread would stand still. So it is looked for until it is found
 * and ended, or cannot come any more.
 */
export interface Abandoned {
  add(request: AcceptRequest): void;
  close(): void;
}

const FIRST_LOOK_MS = 500;
/** Longer than a statement can be under way in the server: its waits for locks are bounded. */
const LAST_LOOK_MS = 60_000;

export function createAbandoned(db: Database): Abandoned {
  const timers = new Set<NodeJS.Timeout>();
  let isClosed = false;

  function lookIn(ms: number, request: AcceptRequest, since: number): void {
    if (isClosed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      void look(ms, request, since);
    }, ms).unref();
    timers.add(timer);
  }

  async function look(ms: number, request: AcceptRequest, since: number): Promise<void> {
    const { runId, instanceId, idempotency } = request;
    const age = performance.now() - since;
    const found = await db
      .call<object | null>('abandon_request', {
        request_id: runId,
        instance_id: instanceId,
        scope: idempotency?.scope,
        key: idempotency?.key,
      })
      .catch(() => undefined);
    const over = isClosed || found || (found === null && age > LAST_LOOK_MS);
    if (!over) lookIn(Math.min(ms * 2, LAST_LOOK_MS / 4), request, since);
  }

  return {
    add(request) {
      if (!isClosed) lookIn(FIRST_LOOK_MS, request, performance.now());
    },
    close() {
      isClosed = true;
      timers.forEach((timer) => clearTimeout(timer));
    },
  };
}
