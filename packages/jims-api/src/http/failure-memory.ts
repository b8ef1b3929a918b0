import { toHttpError } from './error-response.ts';
import type { HttpError } from './errors.ts';
import { fingerprintOf } from './idempotency.ts';
import type { ApiContext, Call } from './route.ts';

/** Requests that have just failed in their pipeline. */
export interface FailureMemory {
  /**
   * Answers a request. One that is the same as a failed one of a moment ago gets that failure again:
   * some clients repeat a failed request by themselves, and must not run the pipeline again.
   */
  answer(call: Call, work: () => Promise<Response>): Promise<Response>;
}

const KEEP_MS = 20_000;
const MAX_KEPT = 1000;

export function createFailureMemory({
  exposeErrors,
}: Pick<ApiContext, 'exposeErrors'>): FailureMemory {
  const failures = new Map<string, { error: HttpError; until: number }>();

  function keep(key: string, error: HttpError): void {
    failures.delete(key);
    failures.set(key, { error, until: performance.now() + KEEP_MS });
    const [oldest] = failures.keys();
    if (failures.size > MAX_KEPT && oldest !== undefined) failures.delete(oldest);
  }

  return {
    async answer(call, work) {
      // Whoever has a key of his own is told the same by that.
      if (call.request.headers.has('idempotency-key')) return work();
      const { kind, id } = call.principal;
      const key = `${kind}:${id}\n${await fingerprintOf(call)}`;
      const known = failures.get(key);
      if (known && known.until > performance.now()) {
        keep(key, known.error);
        throw known.error;
      }
      try {
        return await work();
      } catch (error) {
        const failure = toHttpError(error, { requestId: call.requestId, exposeErrors });
        if (failure.status === 500 || failure.status === 504) keep(key, failure);
        throw failure;
      }
    },
  };
}
