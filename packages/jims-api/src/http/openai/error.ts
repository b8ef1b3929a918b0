// Errors as OpenAI's clients read them.
import { isJimsError } from 'jims-core';

import { errorText } from '../error-response.ts';
import type { HttpError, ValidationIssue } from '../errors.ts';
import { json } from '../route.ts';
import type { RefusedCall } from '../route.ts';

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  /** The member of the body that is wrong. */
  readonly param: string | null;
  readonly code: string | null;
}

/**
 * Clients that ask again whatever `x-should-retry` says: LangChain six times, the AI SDK twice. After
 * 400 neither does.
 */
const REPEATS_ANYWAY = /langchainjs|\bai-sdk/i;

/** Answers with an error; what must not run a second time is said so that no client repeats it. */
export function refuse(error: HttpError, call: RefusedCall): Response {
  const body = { error: openAiError(error) };
  if (!hasRun(error)) return json(call, body, error.status === 422 ? 400 : error.status);
  const headers = { ...call.headers, 'x-should-retry': 'false' };
  const userAgent = call.request.headers.get('user-agent') ?? '';
  return json({ headers }, body, REPEATS_ANYWAY.test(userAgent) ? 400 : error.status);
}

/** The error object of an answer or of a stream. */
export function openAiError(error: HttpError): OpenAiError {
  const { status, detail } = error;
  const [issue] = typeof detail === 'string' ? [] : detail;
  return {
    message: messageOf(error),
    type: typeOf(status),
    param: issue ? placeOf(issue) : null,
    code: issue ? codeOfIssue(issue) : codeOf(error),
  };
}

/** Whether the pipeline has run, or may have: sent again, it would run once more. */
function hasRun({ status, code }: HttpError): boolean {
  return status === 500 || status === 504 || code === 'lost' || code === 'cancelled';
}

function messageOf(error: HttpError): string {
  const { detail } = error;
  if (typeof detail === 'string') return detail;
  const faults = detail.map((issue) => [placeOf(issue), issue.msg].filter(Boolean).join(': '));
  return faults.join('; ') || errorText(error);
}

function typeOf(status: number): string {
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function placeOf({ loc }: ValidationIssue): string | null {
  const place = loc.filter((part) => part !== 'body').join('.');
  return place || null;
}

function codeOfIssue({ type }: ValidationIssue): string {
  if (type === 'missing') return 'missing_required_parameter';
  return type === 'json_invalid' ? 'invalid_json' : 'invalid_value';
}

/** The codes of the core's errors that have none on JIMS's own routes. */
function codeOf({ status, code, cause }: HttpError): string | null {
  if (code !== undefined) return code;
  if (status === 401) return 'invalid_api_key';
  if (!isJimsError(cause)) return null;
  return cause.code === 'pipeline_failed' ? 'pipeline_error' : cause.code;
}
