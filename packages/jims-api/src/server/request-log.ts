import { isJimsError } from 'jims-core';
import type { Logger } from 'jims-core';
import { describeError } from 'jims-core/host';

import type { HttpError } from '../http/errors.ts';
import { RepeatLimit } from './repeat-limit.ts';

/** A request that was answered, as its log line describes it. */
export interface AnsweredRequest {
  readonly requestId: string;
  readonly method: string;
  /** The pattern of its route: an address may name a person, and the log outlives them. */
  readonly path: string;
  readonly response: Response;
  /** Probes come every few seconds: only those that fail are logged. */
  readonly isProbe: boolean;
  /** The time until the head of the answer was there. */
  readonly ms: number;
  /** Why authentication failed. */
  readonly reason: string | undefined;
}

const LOGGED_BY_THE_RUN: ReadonlySet<string> = new Set(['pipeline_failed', 'deadline', 'lost']);
/** At most one line in so many milliseconds for each kind of refusal: lines cost most during an overload. */
const REPEAT_MS = 10_000;

/** Writes one line for each request, and one for each failure that is the service's own. */
export class RequestLog {
  readonly #logger: Logger;
  readonly #refusals = new Map<string, RepeatLimit>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  answered({ response, reason, isProbe, ...request }: AnsweredRequest): void {
    const { status, headers } = response;
    const runId = headers.get('x-jims-run-id');
    const threadId = headers.get('x-jims-thread-id');
    const fields = {
      ...request,
      status,
      ...(runId !== null && { runId }),
      ...(threadId !== null && { threadId }),
      ...(reason !== undefined && { reason }),
    };
    if (status < 400 && isProbe) this.#logger.debug(fields, 'request');
    else this.#logger.info(fields, 'request');
  }

  /** Logs a failure of the service itself, with its cause; the line of the request has the rest. */
  failed(requestId: string, failure: HttpError): void {
    const { status, message, cause } = failure;
    if (status < 500 || (isJimsError(cause) && LOGGED_BY_THE_RUN.has(cause.code))) return;
    if (status === 503) this.#refused(requestId, failure);
    else this.#logger.error({ requestId, status, error: describeError(cause) }, message);
  }

  /** A 503 is how an overload is meant to look: it is a warning, without a stack. */
  #refused(requestId: string, { status, message, code = 'unavailable', cause }: HttpError): void {
    const limit = this.#refusals.get(code) ?? new RepeatLimit(REPEAT_MS);
    this.#refusals.set(code, limit);
    const repeated = limit.pass();
    if (!repeated) return;
    const { stack: _, ...error } = describeError(cause);
    this.#logger.warn(
      {
        requestId,
        status,
        code,
        ...(cause !== undefined && { error }),
        ...repeated,
      },
      message,
    );
  }
}
