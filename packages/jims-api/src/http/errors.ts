/** One entry of a 422 answer, in the shape that FastAPI's clients parse. */
export interface ValidationIssue {
  readonly type: string;
  /** Where: `"body"`, then member names, array positions, or the character position of broken JSON. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

export interface HttpErrorOptions {
  /** Stable machine-readable name; present on every error that the original does not have. */
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** For the log alone: why a caller was not let in. */
  readonly reason?: string | undefined;
  /**
   * Whether a pipeline has run for the request, or may still run: a client that sends it again without an
   * idempotency key would run it twice. Default: false.
   */
  readonly hasRun?: boolean;
}

/**
 * An answer other than success, for `authenticate` to throw; it is sent as `{"detail": …, "code"?: …}`, or
 * as errors look in the protocol of the request. `detail` is for the client: never the text of an exception.
 *
 * @example
 * throw new HttpError(403, 'Your trial is over', { code: 'trial_over' });
 */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly detail: string | readonly ValidationIssue[];
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly reason: string | undefined;
  readonly hasRun: boolean;

  constructor(
    status: number,
    detail: string | readonly ValidationIssue[],
    options: HttpErrorOptions = {},
  ) {
    super(typeof detail === 'string' ? detail : 'Request validation failed', {
      cause: options.cause,
    });
    this.status = status;
    this.detail = detail;
    this.code = options.code;
    this.headers = options.headers ?? {};
    this.reason = options.reason;
    this.hasRun = options.hasRun ?? false;
  }
}

/** A 422 with FastAPI's list of issues. */
export function validationError(issues: readonly ValidationIssue[]): HttpError {
  return new HttpError(422, issues);
}

/** A 404: what a caller may not reach does not exist for them. */
export function notFound(what = 'Not Found'): HttpError {
  return new HttpError(404, what);
}

/** A 415: a content type that a page can send without a preflight is not taken for JSON. */
export function notJson(): HttpError {
  const reason = 'Send the body as JSON, with the header content-type: application/json';
  return new HttpError(415, reason, { code: 'content_type_not_supported' });
}

/** The answer to a request of which it cannot be said where it was sent to. */
export function addressInvalid(): HttpError {
  return new HttpError(400, 'The Host header or the address of the request is not valid', {
    code: 'address_invalid',
  });
}
