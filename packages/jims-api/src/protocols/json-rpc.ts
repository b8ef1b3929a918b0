// JSON-RPC 2.0, for the protocols that are made of it.
import type { JsonObject } from 'jims-core';

import { errorText } from '../http/error-response.ts';
import { HttpError } from '../http/errors.ts';
import { isJsonObject } from '../http/json-object.ts';

export type RpcId = string | number | null;

/** A request, or a notification when it has no id. */
export interface RpcMessage {
  readonly id: RpcId | undefined;
  readonly method: string;
  readonly params: JsonObject;
}

/** An answer of the client to a request of the server. */
export interface RpcResponse {
  readonly id: RpcId;
  /** `undefined` when it is an error. */
  readonly result: JsonObject | undefined;
}

/** The errors of JSON-RPC itself; a protocol has its own ones beside them. */
export const RPC_CODES = {
  parse_error: -32_700,
  invalid_request: -32_600,
  method_not_found: -32_601,
  invalid_params: -32_602,
} as const;

/** The size of an id as JSON, in bytes: an error that repeats it stays below 16 KiB. */
const MAX_ID = 3 * 1024;
const INTERNAL_ERROR = -32_603;

/**
 * Reads a body as one message.
 *
 * @throws HttpError `invalid_request` when it is not one message, `invalid_params` when its params have no names.
 */
export function readRpc(body: unknown): RpcMessage {
  const { jsonrpc, id, method, params = {} } = isJsonObject(body) ? body : {};
  if (jsonrpc !== '2.0' || typeof method !== 'string' || (id !== undefined && !isRpcId(id))) {
    throw rpcFailure('invalid_request', 'The body must be one JSON-RPC 2.0 message');
  }
  if (!isJsonObject(params)) throw rpcFailure('invalid_params', 'params must be an object');
  return { id, method, params };
}

/** Reads a body as an answer of the client; `undefined` for any other body. */
export function readRpcResponse(body: unknown): RpcResponse | undefined {
  const { jsonrpc, method, id, result, error } = isJsonObject(body) ? body : {};
  if (jsonrpc !== '2.0' || method !== undefined || !isRpcId(id)) return undefined;
  if (isJsonObject(result)) return { id, result };
  return isJsonObject(error) ? { id, result: undefined } : undefined;
}

/** Reads what an error answer repeats: the id of the request, `null` when that could not be read. */
export async function refusedRpc(
  body: () => Promise<unknown>,
): Promise<{ readonly id: RpcId; readonly method: unknown; readonly params: unknown }> {
  let read: unknown;
  try {
    read = await body();
  } catch {
    // The error answer says why.
  }
  const { id, method, params } = isJsonObject(read) ? read : {};
  return { id: isRpcId(id) ? id : null, method, params };
}

/** An error of JSON-RPC itself. */
export function rpcFailure(code: keyof typeof RPC_CODES, message: string): HttpError {
  return new HttpError(400, message, { code });
}

export function methodNotFound(method: string): HttpError {
  return rpcFailure('method_not_found', `There is no method '${method.slice(0, 100)}'`);
}

export function rpcResult(id: RpcId, result: unknown): object {
  return { jsonrpc: '2.0', id, result };
}

export interface RpcError {
  readonly jsonrpc: '2.0';
  readonly id: RpcId;
  readonly error: { readonly code: number; readonly message: string; readonly data?: object };
}

/** An error answer; `codes` are those of the protocol. */
export function rpcError(
  id: RpcId,
  error: HttpError,
  codes: Readonly<Record<string, number>> = {},
): RpcError {
  const { code } = error;
  return {
    jsonrpc: '2.0',
    id,
    error: {
      code: codeOf(error, { ...RPC_CODES, ...codes }),
      message: errorText(error),
      ...(code !== undefined && { data: { code } }),
    },
  };
}

/** Whether a request was not even JSON. */
export function isParseError({ detail }: HttpError): boolean {
  return Array.isArray(detail) && detail.some(({ type }) => type === 'json_invalid');
}

const BAD_REQUEST: ReadonlySet<number> = new Set([400, 404, 413, 422]);

function codeOf(error: HttpError, codes: Readonly<Record<string, number>>): number {
  const own = error.code === undefined ? undefined : codes[error.code];
  if (own !== undefined) return own;
  if (isParseError(error)) return RPC_CODES.parse_error;
  return BAD_REQUEST.has(error.status) ? RPC_CODES.invalid_params : INTERNAL_ERROR;
}

function isRpcId(id: unknown): id is RpcId {
  // An error answer repeats the id; real clients use short ones.
  if (typeof id === 'string')
    return id.length <= MAX_ID && Buffer.byteLength(JSON.stringify(id)) <= MAX_ID;
  return typeof id === 'number' || id === null;
}
