import * as v from 'valibot';

import { EXAMPLE_ANSWER } from '../../chat/example-answer.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Protocol } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { readRpc, readRpcResponse, rpcFailure } from '../json-rpc.ts';
import { wire } from './call-tool.ts';
import { answerInSession } from './in-session.ts';
import { refuse } from './refuse.ts';
import { canAsk, sessionOf } from './session.ts';
import { answerStateless } from './stateless.ts';
import { takeAnswer } from './take-answer.ts';
import { isStateless, requireVersion } from './versions.ts';

const Message = titled('McpMessage', {
  jsonrpc: v.literal('2.0'),
  id: v.optional(v.union([v.string(), v.number()])),
  method: described(
    v.string(),
    'server/discover, tools/list, tools/call, resources/list, resources/templates/list, resources/read, tasks/get, tasks/update, tasks/cancel, subscriptions/listen; in revisions with sessions initialize and ping, too, and notifications, but not the last four',
  ),
  params: v.optional(v.looseObject({})),
});

/**
 * The Model Context Protocol over Streamable HTTP, the app as a tool, in every revision. The server sends
 * nothing of its own accord and keeps no sessions: GET and DELETE are answered with the 405 that says so.
 */
export const mcpProtocol: Protocol = {
  routes: [
    route.post(
      '/mcp',
      answerMessage,
      {
        operationId: 'mcp',
        summary: 'Model Context Protocol (Streamable HTTP): the app as the tool `chat`',
        description: `A JSON-RPC answer. For \`tools/call\` it is a stream, when the client accepts Server-Sent Events:
\`notifications/progress\` for every status and now and then while the run goes on, if the client sent a
progress token, then the result. A failed tool call is a result with \`isError\`. Notifications are
answered with 202. A client with the capability \`elicitation\` is asked when the app asks its user: by the stream, or
since 2026-07-28 by a result \`input_required\`. A client with the extension \`io.modelcontextprotocol/tasks\` gets a task
where the result takes long, and may listen to it by \`subscriptions/listen\`. Files are resources.`,
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
      { encodeError: refuse },
    ),
  ],
  wire,
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
  if (!isStateless(call, params)) return answerInSession(api, call, { id, method, params });
  if (id !== undefined) return answerStateless(api, call, { id, method, params });
  return new Response(null, { status: 202, headers: call.headers });
}
