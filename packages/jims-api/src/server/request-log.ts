import { isJimsError } from 'jims-core';
import type { Logger, Run } from 'jims-core';
import { describeError } from 'jims-core/host';

import type { HttpError } from '../http/errors.ts';
import type { SseEnd } from '../http/sse/response.ts';
import { RepeatLimit } from './repeat-limit.ts';

/** A request, as its log line describes it. */
export interface LoggedRequest {
  readonly requestId: string;
  readonly method: string;
  /** The pattern of its route: an address may name a person, and the log outlives them. */
  readonly path: string;
}

const LOGGED_BY_THE_RUN: ReadonlySet<string> = new Set(['pipeline_failed', 'deadline', 'lost']);
/** At most one line in so many milliseconds for each kind of refusal: lines cost most during an overload. */
const REPEAT_MS = 10_000;

/** Writes a line for each request, and one for each failure that is the service's own. */
export class RequestLog {
  readonly #logger: Logger;
  readonly #refusals = new Map<string, RepeatLimit>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The line of a request that has just arrived; probes and pages come every few seconds: only those that fail are logged. */
  line(request: LoggedRequest, { isProbe }: { readonly isProbe: boolean }): RequestLine {
    if (!isProbe) this.#logger.debug({ ...request }, 'request received');
    return new RequestLine(this.#logger, request, isProbe);
  }

  /** Logs a failure of the service itself, with its cause; the line of the request has the rest. */
  failed(requestId: string, failure: HttpError): void {
    const { status, message, cause } = failure;
    if (status < 500 || (isJimsError(cause) && LOGGED_BY_THE_RUN.has(cause.code))) return;
    if (status === 503) this.#refused(requestId, failure);
    else this.#logger.error({ requestId, status, error: describeError(cause) }, message);
  }

  /** Logs why an answer broke off after its head was sent. */
  brokeOff(requestId: string, error: unknown): void {
    this.#logger.error({ requestId, error: describeError(error) }, 'the answer broke off');
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

/**
 * The line of one request. It is written when the answer is there, or when a stream is over: only then it
 * is known how long that was, and how it ended.
 */
export class RequestLine {
  readonly #logger: Logger;
  readonly #request: LoggedRequest;
  readonly #isProbe: boolean;
  readonly #began = performance.now();
  #answer: object | undefined;
  #run: { readonly runId: string; readonly threadId: string } | undefined;
  #stream: 'none' | 'open' | SseEnd['kind'] = 'none';

  constructor(logger: Logger, request: LoggedRequest, isProbe: boolean) {
    this.#logger = logger;
    this.#request = request;
    this.#isProbe = isProbe;
  }

  /** The answer is a stream. Call what it gives when that is over. */
  readonly stream = (): ((end: SseEnd) => void) => {
    this.#stream = 'open';
    return ({ kind }) => {
      this.#stream = kind;
      this.#write();
    };
  };

  /** The run that the request has started. */
  readonly run = ({ id: runId, thread }: Pick<Run, 'id' | 'thread'>): void => {
    this.#run = { runId, threadId: thread.id };
  };

  /** What it was answered; of a refusal with its code, or why authentication failed. */
  answered(response: Response, { code, reason }: Partial<HttpError> = {}): void {
    const { status } = response;
    this.#answer = {
      status,
      ...(this.#stream !== 'none' && { headMs: this.#ms() }),
      ...(this.#run ?? runIn(response)),
      ...(code !== undefined && { code }),
      ...(reason !== undefined && { reason }),
    };
    if (status < 400 && this.#isProbe) this.#logger.debug(this.#fields(), 'request');
    else this.#write();
  }

  /** A stream may be over before its answer is there: its client has left already. */
  #write(): void {
    if (this.#answer === undefined) return;
    if (this.#stream === 'open') this.#logger.debug(this.#fields(), 'stream begins');
    else this.#logger.info(this.#fields(), 'request');
  }

  #fields(): object {
    const end = this.#stream;
    const isOver = end !== 'none' && end !== 'open';
    return { ...this.#request, ms: this.#ms(), ...this.#answer, ...(isOver && { end }) };
  }

  #ms(): number {
    return Math.round((performance.now() - this.#began) * 10) / 10;
  }
}

/** The run that an answer is about. Reading the headers of most answers makes them costly to send. */
function runIn({ headers }: Response): object {
  const runId = headers.get('x-jims-run-id');
  const threadId = headers.get('x-jims-thread-id');
  return { ...(runId !== null && { runId }), ...(threadId !== null && { threadId }) };
}
