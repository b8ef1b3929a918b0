import type { HttpError } from '../../http/errors.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { RefusedCall } from '../../http/route.ts';
import { RPC_CODES, rpcError } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { TASKS } from './client-abilities.ts';
import { VERSIONS, isStateless, versionIn } from './versions.ts';

/** A session of older revisions would be over for a client that got 404. */
export const RESOURCE_NOT_FOUND = 'mcp_resource_not_found';

/** The errors of MCP beside those of JSON-RPC, by the codes of our own ones. */
const MCP_CODES = {
  mcp_header_mismatch: -32_020,
  mcp_capability_missing: -32_021,
  mcp_version_not_supported: -32_022,
  [RESOURCE_NOT_FOUND]: RPC_CODES.invalid_params,
} as const;

const CODES_WITH_SESSIONS = { [RESOURCE_NOT_FOUND]: -32_002 };

/** An error answer. It has no id when that could not be read: MCP has no `null` there. */
export function mcpError(
  call: Pick<RefusedCall, 'request'>,
  { id, params }: { readonly id: RpcId; readonly params: unknown },
  failure: HttpError,
): object {
  const codes = isStateless(call, params) ? MCP_CODES : { ...MCP_CODES, ...CODES_WITH_SESSIONS };
  const { jsonrpc, error } = rpcError(id, failure, codes);
  const more = moreOf(call, params, failure);
  return {
    jsonrpc,
    ...(id !== null && { id }),
    error: { ...error, ...(more && { data: more }) },
  };
}

/** A client may send any. */
const MAX_URI = 2000;

function moreOf(
  call: Pick<RefusedCall, 'request'>,
  params: unknown,
  { code }: HttpError,
): object | undefined {
  if (code === 'mcp_version_not_supported') {
    return { code, supported: VERSIONS, requested: versionIn(call, params)?.slice(0, 100) };
  }
  if (code === 'mcp_capability_missing') {
    return { code, requiredCapabilities: { extensions: { [TASKS]: {} } } };
  }
  // Clients know the error by data that has the address and nothing else.
  const uri = code === RESOURCE_NOT_FOUND && isJsonObject(params) ? params['uri'] : undefined;
  return typeof uri === 'string' ? { uri: uri.slice(0, MAX_URI) } : undefined;
}
