import type { JsonObject } from 'jims-core';
import * as v from 'valibot';

import { EXAMPLE_ANSWER } from '../../chat/example-answer.ts';
import { CONTACT_HEADER_CODES } from '../../http/contact.ts';
import { errorBody } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { json } from '../../http/json-answer.ts';
import type { ApiContext, Call, Protocol, RefusedCall } from '../../http/route.ts';
import {
  RPC_CODES,
  isParseError,
  methodNotFound,
  readRpc,
  readRpcResponse,
  refusedRpc,
  rpcFailure,
  rpcResult,
} from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { callTool } from './call-tool.ts';
import { encodeFailure } from './encode.ts';
import { mcpError } from './failures.ts';
import { RunningCalls, callName } from './running-calls.ts';
import { asksByForm, canAsk, newSessionId, sessionOf } from './session.ts';
import { serverInfo } from './stateless-result.ts';
import { answerStateless } from './stateless.ts';
import { takeAnswer } from './take-answer.ts';
import { describeTool } from './tool.ts';
import { isStateless, negotiate, requireVersion } from './versions.ts';

const Message = v.pipe(
  v.object({
    jsonrpc: v.literal('2.0'),
    id: v.optional(v.union([v.string(), v.number()])),
    method: v.pipe(
      v.string(),
      v.description(
        'server/discover, tools/list, tools/call, tasks/get, tasks/update, tasks/cancel; in revisions with sessions initialize and ping, too, and notifications',
      ),
    ),
    params: v.optional(v.looseObject({})),
  }),
  v.title('McpMessage'),
);

/**
 * The Model Context Protocol over Streamable HTTP, the app as a tool, in every revision. The server sends
 * nothing of its own accord and keeps no sessions: GET and DELETE are answered with the 405 that says so.
 */
export const mcpProtocol: Protocol = {
  routes: [
    {
      method: 'POST',
      path: '/mcp',
      doc: {
        operationId: 'mcp',
        summary: 'Model Context Protocol (Streamable HTTP): the app as the tool `chat`',
        description: `A JSON-RPC answer. For \`tools/call\` it is a stream, when the client accepts Server-Sent Events:
\`notifications/progress\` for every status and now and then while the run goes on, if the client sent a
progress token, then the result. A failed tool call is a result with \`isError\`. Notifications are
answered with 202. A client with the capability \`elicitation\` is asked when the app asks its user: by the stream, or
since 2026-07-28 by a result \`input_required\`. A client with the extension \`io.modelcontextprotocol/tasks\` gets a task
where the result takes long.`,
        tags: ['mcp'],
        request: Message,
        responses: {
          200: {
            description: 'The answer',
            example: {
              jsonrpc: '2.0',
              id: 1,
              result: {
                content: [{ type: 'text', text: 'You said: Hello' }],
                structuredContent: EXAMPLE_ANSWER,
              },
            },
          },
        },
        errors: [400, 401, 403, 404, 413],
      },
      encodeError: refuse,
      handle: answerMessage,
    },
  ],
};

/** `POST /mcp`: one JSON-RPC message. */
async function answerMessage(api: ApiContext, call: Call): Promise<Response> {
  const body = await call.body();
  const response = readRpcResponse(body);
  if (response) {
    requireVersion(call, undefined);
    if (canAsk(sessionOf(call))) await takeAnswer(api, call, response);
    return new Response(null, { status: 202, headers: call.headers });
  }
  const { id, method, params } = readRpc(body);
  // JSON-RPC has that for a request, and MCP does not.
  if (id === null) throw rpcFailure('invalid_request', 'The id must be a string or a number');
  requireVersion(call, params);
  if (isStateless(call, params)) {
    if (id !== undefined) return answerStateless(api, call, { id, method, params });
    return new Response(null, { status: 202, headers: call.headers });
  }
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
    case 'tools/call':
      return callTool(api, call, { id, params, session });
    default:
      throw methodNotFound(method);
  }
}

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
async function refuse(error: HttpError, call: RefusedCall): Promise<Response> {
  const { status, code = '' } = error;
  if (status === 401) return json(call, errorBody(error), status);
  // The body of a caller that is not let in must not be read.
  const refused = status === 403 ? UNREAD : await refusedRpc(call.body);
  const { id, method, params } = refused;
  const answer = mcpError(call, refused, error);
  if (HTTP_STATUSES.has(status) || HTTP_CODES.has(code)) return json(call, answer, status);
  if (isParseError(error) || code === 'invalid_request') return json(call, answer, 400);
  const stateless = isStateless(call, params);
  if (stateless && code === 'method_not_found') return json(call, answer, 404);
  if (Object.hasOwn(RPC_CODES, code)) return json(call, answer);
  if (method !== 'tools/call') return json(call, answer, status);
  const result = encodeFailure(error);
  return json(call, rpcResult(id, stateless ? { resultType: 'complete', ...result } : result));
}

const UNREAD = { id: null, method: undefined, params: undefined } as const;

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
    capabilities: { tools: {} },
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
