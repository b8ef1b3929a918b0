import { errorText } from './error-response.ts';
import type { HttpError } from './errors.ts';
import { json } from './route.ts';
import type { RefusedCall } from './route.ts';

/** Where the request did not get as far as the pipeline: sent again, it does no harm. */
const SAFE_TO_RETRY: ReadonlySet<string> = new Set([
  'overloaded',
  'queue_full',
  'too_many_streams',
  'auth_unavailable',
]);

/** An error as OpenAI's clients know it. */
export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** An error answer in OpenAI's form, so that its clients run no pipeline twice. */
export function openAiError(error: HttpError, call: RefusedCall): Response {
  const retry = error.code !== undefined && SAFE_TO_RETRY.has(error.code);
  const headers = { ...call.headers, ...(!retry && { 'x-should-retry': 'false' }) };
  return json({ headers }, openAiErrorBody(error), statusOf(error));
}

export function openAiErrorBody(error: HttpError): OpenAiError {
  const { status, detail } = error;
  const first = typeof detail === 'string' ? undefined : detail[0];
  return {
    error: {
      message: errorText(error),
      type: status >= 500 ? 'server_error' : 'invalid_request_error',
      param: first ? first.loc.slice(1).join('.') : null,
      code: error.code ?? CODES.get(status) ?? null,
    },
  };
}

const CODES: ReadonlyMap<number, string> = new Map([
  [401, 'invalid_api_key'],
  [404, 'not_found'],
  [405, 'method_not_allowed'],
  [500, 'pipeline_error'],
]);

/** Some clients send a 422 again and again. */
function statusOf({ status }: HttpError): number {
  return status === 422 ? 400 : status;
}
