import { isJimsError } from 'jims-core';
import type { JimsError, JimsErrorCode } from 'jims-core';
import { describeError, isOfFiles } from 'jims-core/host';

import { boundedError } from './bounded-error.ts';
import { HttpError } from './errors.ts';
import type { ValidationIssue } from './errors.ts';
import type { ApiContext, Call } from './route.ts';

/** The HTTP status of each error of the core. */
const STATUS: Readonly<Record<JimsErrorCode, number>> = {
  thread_not_found: 404,
  thread_moved: 409,
  thread_busy: 409,
  key_reused: 422,
  queue_full: 429,
  overloaded: 503,
  too_many_runs: 429,
  restarted: 503,
  shutting_down: 503,
  code_broken: 503,
  deadline: 504,
  lost: 503,
  pipeline_failed: 500,
  run_over: 500,
  // From a pipeline it is a `pipeline_failed`; what is left is an event of a client that cannot be stored.
  invalid_event: 422,
  invalid_state: 500,
  pipeline_changed: 500,
  step_nested: 500,
  step_result_invalid: 500,
  cannot_ask: 500,
  chain_too_long: 500,
  too_many_questions: 500,
  run_not_retried: 409,
  question_not_found: 404,
  question_closed: 409,
  question_expired: 410,
  recovery_off: 503,
  answer_invalid: 500,
  file_not_found: 404,
  file_gone: 410,
  file_too_large: 413,
  file_refused: 415,
  file_incomplete: 400,
  too_many_files: 413,
  message_not_found: 404,
  llm_unusable: 500,
  llm_input_invalid: 500,
  llm_failed: 500,
  llm_answer_invalid: 500,
  store_unavailable: 503,
  store_invalid: 500,
  app_invalid: 500,
};

/** Errors of the original: their bodies have a `detail` and nothing else. */
const ORIGINAL: ReadonlySet<JimsErrorCode> = new Set(['thread_not_found', 'pipeline_failed']);
const NOT_THE_PIPELINE: ReadonlySet<JimsErrorCode> = new Set(['store_invalid', 'app_invalid']);
const RETRY_AFTER: ReadonlySet<number> = new Set([409, 429, 503]);
/** No later time changes them. */
const FINAL: ReadonlySet<JimsErrorCode> = new Set([
  'code_broken',
  'question_closed',
  'recovery_off',
  'run_not_retried',
]);

export interface ErrorAnswerOptions {
  readonly requestId: string;
  readonly exposeErrors: boolean;
}

/** How errors are shown in the answer to a request. */
export function errorOptions(
  { exposeErrors }: Pick<ApiContext, 'exposeErrors'>,
  { requestId }: Pick<Call, 'requestId'>,
): ErrorAnswerOptions {
  return { requestId, exposeErrors };
}

/** Turns anything thrown into what the client may see of it; the rest is for the log. */
export function toHttpError(error: unknown, options: ErrorAnswerOptions): HttpError {
  // Not only `instanceof`: a revoked proxy throws when its class is looked up.
  if (Error.isError(error) && error instanceof HttpError) return boundedError(error);
  if (isJimsError(error)) return fromCore(error, options);
  return new HttpError(500, internalError(options.requestId), { cause: error });
}

/** The body of an error answer. */
export function errorBody({ detail, code }: HttpError): object {
  return code === undefined ? { detail } : { detail, code };
}

/** What is wrong, for people, in one string; for a request that is not valid, all of its faults. */
export function errorText({ detail }: HttpError): string {
  if (typeof detail === 'string') return detail;
  return detail.map((issue) => issueText(issue, issue.loc.join('.'))).join('; ');
}

/** One fault in words; `member` says where, except in a body that is not JSON. */
export function issueText({ type, loc, msg, ctx }: ValidationIssue, member: string | null): string {
  if (type !== 'json_invalid') return member === null ? msg : `${member}: ${msg}`;
  // CPython's reason may end so that only the position has to follow.
  const reason = String(ctx?.['error']).replace(/ at$/, '');
  return `${msg}: ${reason} at character ${loc.at(-1)}`;
}

function fromCore(error: JimsError, options: ErrorAnswerOptions): HttpError {
  // Another copy of jims-core may know codes that this one does not.
  const status = Object.hasOwn(STATUS, error.code) ? STATUS[error.code] : 500;
  const answer = new HttpError(status, detailOf(error, status, options), {
    cause: error,
    ...(!ORIGINAL.has(error.code) && { code: error.code }),
    ...(RETRY_AFTER.has(status) &&
      !FINAL.has(error.code) && { headers: { 'retry-after': String(retryAfter()) } }),
  });
  return boundedError(answer);
}

/** What a client learns of a `store_unavailable`: its message is for the log. */
export function unavailableText(error: JimsError): string {
  const what = isOfFiles(error)
    ? 'Files cannot be written or read now'
    : 'The database does not answer';
  return `${what}: try again later`;
}

function detailOf(
  error: JimsError,
  status: number,
  { exposeErrors, requestId }: ErrorAnswerOptions,
): string {
  const { code, message, cause } = error;
  if (code === 'store_unavailable') return unavailableText(error);
  if (status !== 500) return message;
  if (NOT_THE_PIPELINE.has(code)) return internalError(requestId);
  if (exposeErrors) {
    return `Pipeline error: ${cause === undefined ? message : describeError(cause).message}`;
  }
  return `Pipeline error (request ${requestId})`;
}

function internalError(requestId: string): string {
  return `Internal Server Error (request ${requestId})`;
}

/** Seconds; spread, so that clients refused together do not come back together. */
function retryAfter(): number {
  return 1 + Math.floor(Math.random() * 3);
}
