// Errors as Anthropic's clients read them.
import { hasRun, retryHeaders, statusWithoutRepeat } from '../../chat/retry-safety.ts';
import { errorText } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { json } from '../../http/json-answer.ts';
import type { RefusedCall } from '../../http/route.ts';

const TYPES: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
]);

/** Answers with an error, in such a way that no client runs a pipeline twice by repeating the request. */
export function refuse(error: HttpError, call: RefusedCall): Response {
  const headers = { ...call.headers, ...retryHeaders(error), 'request-id': call.requestId };
  return json({ headers }, errorObject(error, call), statusWithoutRepeat(error, call));
}

/** The body of an answer, and the data of a stream's event `error`. `detail.code` is JIMS's own name of the error. */
export function errorObject(
  error: HttpError,
  { requestId }: Pick<RefusedCall, 'requestId'>,
): object {
  const { status, code } = error;
  const type = TYPES.get(status) ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  const detail = code === undefined ? {} : { details: { code } };
  return {
    type: 'error',
    error: { type: hasRun(error) ? 'api_error' : type, message: errorText(error), ...detail },
    request_id: requestId,
  };
}
