import { NOT_FOUND } from '../../http/route.ts';
import type { ApiContext, Protocol, Route } from '../../http/route.ts';
import { answerCard } from './card.ts';
import { unsupported } from './failures.ts';
import { answerRpc, refuseRpc } from './json-rpc.ts';
import { a2aOperations } from './operations.ts';
import { getTaskRest, postTaskRest, refuseRest, sendRest, streamRest } from './rest.ts';

const CONFIGS = '/tasks/:task/pushNotificationConfigs';

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
  /** What the binding has and this agent has not is refused by its own error. */
  const missing = (method: Route['method'], path: string, handle: () => never): Route => ({
    ...rest(method, path, handle),
    alias: true,
  });
  return {
    name: 'a2a',
    operations: a2aOperations,
    fallback: { ...NOT_FOUND, encodeError: refuseRest },
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
      rest('GET', '/tasks', unsupported.list),
      rest('GET', '/tasks/:task', getTaskRest),
      { ...rest('POST', '/tasks/:task', postTaskRest), bodyless: true },
      missing('GET', CONFIGS, unsupported.push),
      missing('POST', CONFIGS, unsupported.push),
      missing('GET', `${CONFIGS}/:config`, unsupported.push),
      missing('DELETE', `${CONFIGS}/:config`, unsupported.push),
      missing('GET', '/extendedAgentCard', unsupported.extendedCard),
    ],
  };
}
