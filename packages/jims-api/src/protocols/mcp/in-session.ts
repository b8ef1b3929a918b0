// MCP up to 2025-11-25: a client begins with `initialize`, and may have a session.
import type { JsonObject } from 'jims-core';

import { json } from '../../http/json-answer.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { methodNotFound, rpcResult } from '../json-rpc.ts';
import type { RpcId, RpcMessage } from '../json-rpc.ts';
import { callTool } from './call-tool.ts';
import { answerResource, listResourceTemplates, listResources } from './resources.ts';
import { RunningCalls, callName } from './running-calls.ts';
import { asksByForm, newSessionId, sessionOf } from './session.ts';
import { serverInfo } from './stateless-result.ts';
import { describeTool } from './tool.ts';
import { negotiate } from './versions.ts';

/** Answers a message of the revisions with sessions. */
export async function answerInSession(
  api: ApiContext,
  call: Call,
  { id, method, params }: RpcMessage,
): Promise<Response> {
  if (method === 'initialize' && id !== undefined) return initialize(api, call, { id, params });
  const session = sessionOf(call);
  if (id === undefined) {
    if (method === 'notifications/cancelled') await takeBack(api, call, { session, params });
    return new Response(null, { status: 202, headers: call.headers });
  }
  switch (method) {
    case 'ping':
      return json(call, rpcResult(id, {}));
    case 'tools/list':
      return json(call, rpcResult(id, { tools: [describeTool(api.app)] }));
    case 'resources/list':
      return json(call, rpcResult(id, await listResources(api, call, params)));
    case 'resources/templates/list':
      return json(call, rpcResult(id, listResourceTemplates(api, call)));
    case 'resources/read':
      return answerResource(api, call, params, (resource) => rpcResult(id, resource));
    case 'tools/call':
      return callTool(api, call, { id, params, session });
    default:
      throw methodNotFound(method);
  }
}

function initialize(
  { app }: ApiContext,
  call: Call,
  { id, params }: { readonly id: RpcId; readonly params: JsonObject },
): Response {
  const headers = {
    ...call.headers,
    'mcp-session-id': newSessionId(asksByForm(params['capabilities'])),
  };
  const { description } = app;
  const result = {
    protocolVersion: negotiate(params['protocolVersion']),
    capabilities: { tools: {}, resources: {} },
    serverInfo: serverInfo(app),
    ...(description !== undefined && { instructions: description }),
  };
  return json({ headers }, rpcResult(id, result));
}

/** Stops the run of a call in any process. Without a session it is not known whose call it is. */
async function takeBack(
  api: ApiContext,
  call: Call,
  { session, params }: { readonly session: string | undefined; readonly params: JsonObject },
): Promise<void> {
  const { requestId } = params;
  if (session === undefined) return;
  if (typeof requestId !== 'string' && typeof requestId !== 'number') return;
  const name = callName(call, session, requestId);
  if (RunningCalls.of(api).stop(name)) return;
  const runId = await api.app.runs.idByKey(name);
  if (runId !== undefined) await api.app.runs.cancel(runId);
}
