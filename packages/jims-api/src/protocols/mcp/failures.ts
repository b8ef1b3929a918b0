import type { HttpError } from '../../http/errors.ts';
import type { RefusedCall } from '../../http/route.ts';
import { rpcError } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { TASKS } from './client-abilities.ts';
import { VERSIONS, versionIn } from './versions.ts';

/** The errors of MCP beside those of JSON-RPC, by the codes of our own ones. */
const MCP_CODES = {
  mcp_header_mismatch: -32_020,
  mcp_capability_missing: -32_021,
  mcp_version_not_supported: -32_022,
} as const;

/** An error answer. It has no id when that could not be read: MCP has no `null` there. */
export function mcpError(
  call: Pick<RefusedCall, 'request'>,
  { id, params }: { readonly id: RpcId; readonly params: unknown },
  failure: HttpError,
): object {
  const { jsonrpc, error } = rpcError(id, failure, MCP_CODES);
  const more = moreOf(call, params, failure);
  return {
    jsonrpc,
    ...(id !== null && { id }),
    error: { ...error, ...(more && { data: { ...error.data, ...more } }) },
  };
}

function moreOf(
  call: Pick<RefusedCall, 'request'>,
  params: unknown,
  { code }: HttpError,
): object | undefined {
  if (code === 'mcp_version_not_supported') {
    return { supported: VERSIONS, requested: versionIn(call, params)?.slice(0, 100) };
  }
  if (code === 'mcp_capability_missing') {
    return { requiredCapabilities: { extensions: { [TASKS]: {} } } };
  }
  return undefined;
}
