import { NOT_FOUND, refusingBy } from '../../http/route.ts';
import type { Protocol } from '../../http/route.ts';
import { cardRoute } from './card.ts';
import { rpcRoute, wire } from './json-rpc.ts';
import { pushDelivering } from './push/push-message.ts';
import { pushRoutes } from './push/routes.ts';
import { refuseRest, restRoutes } from './rest.ts';

/** Agent2Agent 1.0: JSON-RPC and HTTP+JSON; 0.3 by JSON-RPC. */
export const a2aProtocol: Protocol = {
  routes: [cardRoute, rpcRoute, ...refusingBy(refuseRest, [...restRoutes, ...pushRoutes])],
  fallback: { ...NOT_FOUND, encodeError: refuseRest },
  wire,
  delivering: pushDelivering,
};
