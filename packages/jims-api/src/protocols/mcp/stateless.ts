// MCP since 2026-07-28: no session, and each request says all that is to be known of its client.
import type { JsonObject } from 'jims-core';

import { jsonOrPieces } from '../../http/json-answer.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { methodNotFound, rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { TASKS, abilitiesIn, requireHeaders, requireTasks } from './client-abilities.ts';
import type { ClientAbilities } from './client-abilities.ts';
import { answerResource, listResourceTemplates, listResources } from './resources.ts';
import { callStateless } from './stateless-call.ts';
import { FRESH_MS, cacheable, ofCaller } from './stateless-result.ts';
import { listenToTasks } from './task-feed.ts';
import { cancelTask, getTask, updateTask } from './tasks.ts';
import { describeTool } from './tool.ts';
import { VERSIONS } from './versions.ts';

interface Params {
  readonly params: JsonObject;
  readonly client: ClientAbilities;
}
type Method = (api: ApiContext, call: Call, request: Params) => Promise<object> | object;

/** What is answered with a result alone. */
const METHODS: Readonly<Record<string, Method>> = {
  'server/discover': (api) => cacheable(api, discovered(api)),
  'tools/list': (api) => cacheable(api, { tools: [describeTool(api.app)] }),
  'resources/list': async (api, call, { params }) =>
    ofCaller(api.app, await listResources(api, call, params), 0),
  'resources/templates/list': (api, call) => cacheable(api, listResourceTemplates(api, call)),
  'tasks/get': getTask,
  'tasks/update': updateTask,
  'tasks/cancel': cancelTask,
};

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
  if (method === 'tools/call') return callStateless(api, call, { id, params, client });
  if (method === 'subscriptions/listen') return listenToTasks(api, call, { id, params, client });
  if (method === 'resources/read') {
    const encode = (file: object): object => rpcResult(id, ofCaller(api.app, file, FRESH_MS));
    return answerResource(api, call, params, encode);
  }
  const answer = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (!answer) throw methodNotFound(method);
  if (method.startsWith('tasks/')) requireTasks(client);
  return jsonOrPieces(call, rpcResult(id, await answer(api, call, { params, client })));
}

function discovered({ app: { description } }: ApiContext): object {
  return {
    supportedVersions: VERSIONS,
    capabilities: { tools: {}, resources: {}, extensions: { [TASKS]: {} } },
    ...(description !== undefined && { instructions: description }),
  };
}
