import * as v from 'valibot';

import { EXAMPLE_ANSWER } from '../../chat/example-answer.ts';
import type { Operation } from '../../http/operation.ts';

const Message = v.pipe(
  v.object({
    jsonrpc: v.literal('2.0'),
    id: v.optional(v.union([v.string(), v.number()])),
    method: v.pipe(
      v.string(),
      v.description('initialize, ping, tools/list, tools/call, or a notification'),
    ),
    params: v.optional(v.looseObject({})),
  }),
  v.title('McpMessage'),
);

/** How the OpenAPI document describes this protocol. */
export const mcpOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/mcp',
    operationId: 'mcp',
    summary: 'Model Context Protocol (Streamable HTTP): the app as the tool `chat`',
    description: `A JSON-RPC answer; for \`tools/call\` Server-Sent Events, when they are accepted:
\`notifications/progress\` for every status and as long as the run goes on, if a progress token was
sent, then the result. What goes wrong in a tool call is a result with \`isError\`. Notifications are
answered with 202.`,
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
];
