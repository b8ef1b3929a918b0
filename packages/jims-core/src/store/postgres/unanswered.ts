import type { AcceptRequest } from '../run-store.ts';
import type { Database } from './database.ts';

const FIRST_LOOK_MS = 500;
/** Longer than a statement can be under way in the server: its waits for locks are bounded. */
const LAST_LOOK_MS = 60_000;

/**
 * Requests that were sent, and whose answer never came. The caller got an error and runs nothing; but
 * the run may have been accepted, and while this process lives no other one would take it for lost: its
 * thread would stand still. So it is looked for until it is found and ended, or cannot come any more.
 */
export class UnansweredRequests {
  readonly #db: Database;
  readonly #timers = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(db: Database) {
    this.#db = db;
  }

  add(request: AcceptRequest): void {
    this.#lookIn(FIRST_LOOK_MS, request, performance.now());
  }

  close(): void {
    this.#isClosed = true;
    this.#timers.forEach((timer) => clearTimeout(timer));
  }

  #lookIn(ms: number, request: AcceptRequest, since: number): void {
    if (this.#isClosed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#look(ms, request, since);
    }, ms).unref();
    this.#timers.add(timer);
  }

  async #look(ms: number, request: AcceptRequest, since: number): Promise<void> {
    const { runId, instanceId, idempotency } = request;
    const age = performance.now() - since;
    const found = await this.#db
      .call<object | null>('abandon_request', {
        request_id: runId,
        instance_id: instanceId,
        scope: idempotency?.scope,
        key: idempotency?.key,
      })
      .catch(() => undefined);
    const isOver = found || (found === null && age > LAST_LOOK_MS);
    if (!isOver) this.#lookIn(Math.min(ms * 2, LAST_LOOK_MS / 4), request, since);
  }
}
