// Errors as OpenAI's clients read them.
import { mayRunAgain, retryHeaders, statusWithoutRepeat } from '../../../chat/retry-safety.ts';
import { issueText } from '../../../http/error-response.ts';
import type { HttpError, ValidationIssue } from '../../../http/errors.ts';
import { json } from '../../../http/json-answer.ts';
import type { RefusedCall } from '../../../http/route.ts';

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  /** The member of the body that is wrong. */
  readonly param: string | null;
  readonly code: string | null;
}

/** Answers with an error, in such a way that no client runs a pipeline twice by repeating the request. */
export function refuse(error: HttpError, call: RefusedCall): Response {
  const body = { error: openAiError(error, call) };
  const headers = { ...call.headers, ...retryHeaders(error) };
  return json({ headers }, body, statusWithoutRepeat(error, call));
}

/**
 * The error object of an answer or of a stream. Its type goes with the status: there are clients that send
 * the request again after a `server_error`, whatever the status is.
 */
export function openAiError(error: HttpError, call: Pick<RefusedCall, 'request'>): OpenAiError {
  const { detail } = error;
  const [issue] = typeof detail === 'string' ? [] : detail;
  return {
    message: messageOf(error),
    type: typeOf(statusWithoutRepeat(error, call)),
    param: issue ? memberOf(issue) : null,
    code: issue ? codeOfIssue(issue) : codeOf(error),
  };
}

/** The code of a failed response. Codex and others send the request again after `server_error`. */
export function failureCode(
  error: HttpError,
  call: Pick<RefusedCall, 'request'>,
): 'server_error' | 'invalid_prompt' {
  return mayRunAgain(error, call) ? 'invalid_prompt' : 'server_error';
}

function messageOf({ detail }: HttpError): string {
  if (typeof detail === 'string') return detail;
  return detail.map((issue) => issueText(issue, memberOf(issue))).join('; ');
}

function typeOf(status: number): string {
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function memberOf({ type, loc }: ValidationIssue): string | null {
  if (type === 'json_invalid') return null;
  const member = loc.filter((part) => part !== 'body').join('.');
  return member || null;
}

function codeOfIssue({ type }: ValidationIssue): string {
  if (type === 'missing') return 'missing_required_parameter';
  return type === 'json_invalid' ? 'invalid_json' : 'invalid_value';
}

/** The codes of errors that have none on JIMS's own routes. */
const CODES: ReadonlyMap<number, string> = new Map([
  [401, 'invalid_api_key'],
  [404, 'not_found'],
  [405, 'method_not_allowed'],
  [500, 'pipeline_error'],
]);

function codeOf({ status, code }: HttpError): string | null {
  return code ?? CODES.get(status) ?? null;
}
