// MCP since 2026-07-28: no session, and each request says all that is to be known of its client.
import type { JsonObject } from 'jims-core';

import { json, jsonOrPieces } from '../../http/json-answer.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { methodNotFound, rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { TASKS, abilitiesIn, requireHeaders, requireTasks } from './client-abilities.ts';
import { callStateless } from './stateless-call.ts';
import { cacheable } from './stateless-result.ts';
import { cancelTask, getTask, updateTask } from './tasks.ts';
import { describeTool } from './tool.ts';
import { VERSIONS } from './versions.ts';

const TASK_METHODS = {
  'tasks/get': getTask,
  'tasks/update': updateTask,
  'tasks/cancel': cancelTask,
} as const;

/** Answers a request of the revision without sessions. */
export async function answerStateless(
  api: ApiContext,
  call: Call,
  {
    id,
    method,
    params,
  }: { readonly id: RpcId; readonly method: string; readonly params: JsonObject },
): Promise<Response> {
  const client = abilitiesIn(params);
  requireHeaders(call, { method, params });
  if (isTaskMethod(method)) {
    requireTasks(client);
    const result = await TASK_METHODS[method](api, call, { params, client });
    return jsonOrPieces(call, rpcResult(id, result));
  }
  switch (method) {
    case 'server/discover':
      return json(call, rpcResult(id, cacheable(api, discovered(api))));
    case 'tools/list':
      return json(call, rpcResult(id, cacheable(api, { tools: [describeTool(api.app)] })));
    case 'tools/call':
      return callStateless(api, call, { id, params, client });
    default:
      throw methodNotFound(method);
  }
}

function isTaskMethod(method: string): method is keyof typeof TASK_METHODS {
  return Object.hasOwn(TASK_METHODS, method);
}

function discovered({ app: { description } }: ApiContext): object {
  return {
    supportedVersions: VERSIONS,
    capabilities: { tools: {}, extensions: { [TASKS]: {} } },
    ...(description !== undefined && { instructions: description }),
  };
}
