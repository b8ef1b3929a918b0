import type { ApiContext, Call, Protocol, Route } from '../../http/route.ts';
import { chat, chatStream } from './chat.ts';
import { deleteContact, exportContact } from './contacts.ts';
import { threadEvents } from './events.ts';
import { jimsOperations } from './operations.ts';
import { cancelRun, getRun, joinRun, startThreadRun } from './runs.ts';
import { createThread, deleteThread, getThread, listThreads, updateThread } from './threads.ts';

type Handler = (api: ApiContext, call: Call) => Promise<Response>;

/** JIMS's own protocol: the original's two chat routes, and what is beside them. */
export function jimsProtocol(api: ApiContext): Protocol {
  const route = (
    method: Route['method'],
    path: string,
    handler: Handler,
    more: Pick<Route, 'bodyless'> = {},
  ): Route => ({
    ...more,
    method,
    path: `/api/v1${path}`,
    handle: (call) => handler(api, call),
  });
  return {
    name: 'jims',
    operations: jimsOperations,
    routes: [
      route('POST', '/chat', chat),
      route('POST', '/chat/stream', chatStream),
      route('GET', '/threads', listThreads),
      route('POST', '/threads', createThread),
      route('GET', '/threads/:thread_id', getThread),
      route('PATCH', '/threads/:thread_id', updateThread),
      route('DELETE', '/threads/:thread_id', deleteThread),
      route('GET', '/threads/:thread_id/events', threadEvents),
      route('POST', '/threads/:thread_id/runs', startThreadRun),
      route('GET', '/runs/:run_id', getRun),
      route('GET', '/runs/:run_id/stream', joinRun),
      route('POST', '/runs/:run_id/cancel', cancelRun, { bodyless: true }),
      route('DELETE', '/contacts/:contact_id', deleteContact),
      route('GET', '/contacts/:contact_id/export', exportContact),
    ],
  };
}
