import type { ApiContext, Protocol, Route } from '../../http/route.ts';
import { answerCard } from './card.ts';
import { answerRpc, refuseRpc } from './json-rpc.ts';
import { a2aOperations } from './operations.ts';
import {
  getTaskRest,
  listTasksRest,
  postTaskRest,
  refuseRest,
  sendRest,
  streamRest,
} from './rest.ts';

/** Agent2Agent 1.0: JSON-RPC and HTTP+JSON; 0.3 by JSON-RPC. */
export function a2aProtocol(api: ApiContext): Protocol {
  const rest = (
    method: Route['method'],
    path: string,
    handle: (api: ApiContext, call: Parameters<Route['handle']>[0]) => ReturnType<Route['handle']>,
  ): Route => ({
    method,
    path: `/a2a/rest${path}`,
    handle: (call) => handle(api, call),
    encodeError: refuseRest,
  });
  return {
    name: 'a2a',
    operations: a2aOperations,
    routes: [
      {
        method: 'GET',
        path: '/.well-known/agent-card.json',
        open: true,
        handle: (call) => answerCard(api, call),
      },
      {
        method: 'POST',
        path: '/a2a',
        handle: (call) => answerRpc(api, call),
        encodeError: refuseRpc,
      },
      rest('POST', '/message:send', sendRest),
      rest('POST', '/message:stream', streamRest),
      rest('GET', '/tasks', listTasksRest),
      rest('GET', '/tasks/:task', getTaskRest),
      rest('POST', '/tasks/:task', postTaskRest),
    ],
  };
}
