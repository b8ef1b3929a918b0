/**
 * Why a call failed. Its `code` is the service's own, or one of these:
 * - `network`: no answer, in all tries.
 * - `aborted`: it was given up here, by `close` or a signal.
 * - `invalid_answer`: what came is not of the service, in all tries.
 * - `unauthorized`, `not_found`, `invalid_request`, else `http_<status>`: an answer without a code.
 * - `pipeline_failed`: a run failed, and the service does not say more.
 */
export class JimsApiError extends Error {
  override readonly name = 'JimsApiError';
  /** Stable, such as `thread_busy` or `unauthorized`: the codes of the HTTP API. */
  declare readonly code: string;
  /** The HTTP status; `undefined` when there was no answer. */
  declare readonly status: number | undefined;
  /** Seconds after which the service wants to be called again. */
  declare readonly retryAfter: number | undefined;
  /** What the service's log has about it. */
  declare readonly requestId: string | undefined;

  constructor(
    message: string,
    about: {
      readonly code: string;
      readonly status?: number | undefined;
      readonly retryAfter?: number | undefined;
      readonly requestId?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, about);
    Object.assign(this, about);
  }
}

/** For what the network, or something between, has made of an answer: it is tried again. */
export function notOfService(): SyntaxError {
  return new SyntaxError('Not an answer of the service');
}

/** For what came to no end, or is silent for too long. */
export function connectionLost(): Error {
  return new Error('Connection lost');
}
