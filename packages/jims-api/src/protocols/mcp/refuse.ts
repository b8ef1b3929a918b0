import { CONTACT_HEADER_CODES } from '../../http/contact.ts';
import { errorBody } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { json } from '../../http/json-answer.ts';
import type { RefusedCall } from '../../http/route.ts';
import { RPC_CODES, isParseError, refusedRpc, rpcResult } from '../json-rpc.ts';
import { encodeFailure } from './encode.ts';
import { RESOURCE_NOT_FOUND, mcpError } from './failures.ts';
import { isStateless } from './versions.ts';

const HTTP_STATUSES: ReadonlySet<number> = new Set([401, 403, 405, 413]);
const HTTP_CODES: ReadonlySet<string> = new Set([
  'session_not_found',
  'mcp_version_not_supported',
  'mcp_header_mismatch',
  'mcp_meta_invalid',
  'mcp_capability_missing',
  ...CONTACT_HEADER_CODES,
]);

/** A failed tool call is a result for the model to read; a body that is not a message is an HTTP error. */
export async function refuse(error: HttpError, call: RefusedCall): Promise<Response> {
  const { status } = error;
  if (status === 401) return json(call, errorBody(error), status);
  // The body of a caller that is not let in must not be read.
  const refused = status === 403 ? UNREAD : await refusedRpc(call.body);
  const { id, method, params } = refused;
  const stateless = isStateless(call, params);
  if (method === 'tools/call' && isOfRun(error)) {
    const result = encodeFailure(error);
    return json(call, rpcResult(id, stateless ? { resultType: 'complete', ...result } : result));
  }
  return json(call, mcpError(call, refused, error), statusOf(error, stateless));
}

/** Whether a failure is one of the run, and not of the message that asks for it. */
function isOfRun(error: HttpError): boolean {
  const { status, code = '' } = error;
  if (HTTP_STATUSES.has(status) || HTTP_CODES.has(code) || isParseError(error)) return false;
  return !Object.hasOwn(RPC_CODES, code);
}

function statusOf(error: HttpError, stateless: boolean): number {
  const { status, code = '' } = error;
  if (HTTP_STATUSES.has(status) || HTTP_CODES.has(code)) return status;
  if (isParseError(error) || code === 'invalid_request') return 400;
  if (stateless && code === 'method_not_found') return 404;
  return Object.hasOwn(RPC_CODES, code) || code === RESOURCE_NOT_FOUND ? 200 : status;
}

const UNREAD = { id: null, method: undefined, params: undefined } as const;
