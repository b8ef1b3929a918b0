import type { ApiContext, Protocol } from '../../http/route.ts';
import { mcpOperations } from './operations.ts';
import { createRunningCalls } from './running-calls.ts';
import { answerMessage, refuse } from './server.ts';

/**
 * The Model Context Protocol over Streamable HTTP, the app as a tool. The server says nothing unasked
 * and keeps no sessions: GET and DELETE get the 405 that says so.
 */
export function mcpProtocol(api: ApiContext): Protocol {
  const calls = createRunningCalls();
  return {
    name: 'mcp',
    operations: mcpOperations,
    routes: [
      {
        method: 'POST',
        path: '/mcp',
        handle: (call) => answerMessage(api, call, calls),
        encodeError: refuse,
      },
    ],
  };
}
