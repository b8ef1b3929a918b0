import { follow } from './follow.ts';
import type { FollowOptions } from './follow.ts';
import type { SseMessage } from './sse-parser.ts';
import type { Transport } from './transport.ts';
import type { Include, StreamEvent } from './wire.ts';

/** Everything that a chat shows. */
export const CHAT_INCLUDES: readonly Include[] = [
  'thread',
  'start',
  'delta',
  'event',
  'step',
  'reasoning',
  'tool',
  'source',
  'file',
];

/** Reads a run to its end, through lost connections. */
export function followRun(
  transport: Transport,
  runId: string,
  {
    include = CHAT_INCLUDES,
    ...options
  }: Omit<FollowOptions<StreamEvent>, 'parse' | 'query'> & {
    readonly include?: readonly Include[] | undefined;
  },
): AsyncGenerator<readonly StreamEvent[]> {
  let lastId = options.after ?? '';
  return follow<StreamEvent>(transport, `/api/v1/runs/${runId}/stream`, {
    ...options,
    query: { include: include.join() },
    isLast: isEnd,
    parse({ id, event, data }: SseMessage) {
      // An event without an id of its own has that of the one before.
      const parsed = { id: id === lastId ? undefined : id, event, data: objectIn(data) };
      lastId = id;
      // What it is was checked by the service.
      return parsed as unknown as StreamEvent;
    },
  });
}

/** @throws SyntaxError for what the network has made of it. */
export function objectIn(data: string): object {
  const value: unknown = JSON.parse(data);
  if (typeof value === 'object' && value !== null) return value;
  throw new SyntaxError('An event of the service is an object');
}

/** Whether it is the last event of its run. */
export function isEnd({ event, id }: StreamEvent): boolean {
  // A run that its process leaves to another one is cancelled without an id.
  return event === 'result' || event === 'error' || (event === 'cancelled' && id !== undefined);
}

/** Why a run has failed that runs again when its message is sent again with its key. */
const LOST = new Set(['lost', 'shutting_down', 'store_unavailable', 'restarted', 'disconnected']);

/** How often a message is sent again because its run was lost. */
export const MAX_RESENDS = 8;

/** Whether a run ended only because its process did. */
export function isLost({ event, data }: StreamEvent): boolean {
  if (event === 'error') return LOST.has(data.code ?? '');
  return event === 'cancelled' && LOST.has(data.reason);
}
