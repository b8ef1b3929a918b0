import { sseParser } from './sse-parser.ts';
import type { SseMessage } from './sse-parser.ts';
import { nextTry, piecesOf } from './transport.ts';
import type { CallOptions, OpenAnswer, Transport } from './transport.ts';

/** What the client of a stream says. */
export const STREAM = { accept: 'text/event-stream' };

/** How to read a stream of the service. */
export interface FollowOptions<T> extends Pick<
  CallOptions,
  'query' | 'signal' | 'tries' | 'onLine'
> {
  /** The first connection, where there is one already. */
  readonly first?: OpenAnswer | undefined;
  /** Goes on after the event with this id. */
  readonly after?: string | undefined;
  /** Throws for what cannot be an event of the service: then the connection is lost. */
  readonly parse: (message: SseMessage) => T;
  readonly isLast?: (event: T) => boolean;
}

/**
 * Reads a stream up to its last event, through lost connections: each is joined again after the last
 * event that came. What arrives together is given together. After `tries` connections in a row that
 * brought nothing it gives up; never by default.
 *
 * @throws JimsApiError for a reason that stays.
 */
export async function* follow<T>(
  transport: Transport,
  path: string,
  options: FollowOptions<T>,
): AsyncGenerator<readonly T[]> {
  const { parse, isLast, ...call } = options;
  let { first, after = '' } = options;
  let leastMs = 0;
  let isOver = false;
  const events: T[] = [];
  for (let count = 1; ; count++) {
    let fault: unknown;
    const push = sseParser({
      id: after,
      onRetry: (ms) => (leastMs = ms),
      onMessage(message) {
        if (isOver) return;
        const event = parse(message);
        // An id without data moves nothing: the network has cut off its event.
        after = message.id;
        events.push(event);
        count = 0;
        isOver = isLast?.(event) === true;
      },
    });
    const headers = { ...STREAM, ...(after && { 'last-event-id': after }) };
    try {
      const answer = first ?? (await transport.open(path, { ...call, headers }));
      first = undefined;
      // The client has seen the end of the stream already.
      isOver = answer.response.status === 204;
      yield* batchesOf(answer, push, { events, isOver: () => isOver });
    } catch (thrown) {
      fault = thrown;
    }
    if (isOver) return;
    await nextTry(fault, { ...options, count: Math.max(1, count), leastMs });
  }
}

/** What is parsed of each piece of a connection, also of one that has a fault in it. */
async function* batchesOf<T>(
  answer: OpenAnswer,
  push: (piece: string) => void,
  { events, isOver }: { readonly events: T[]; readonly isOver: () => boolean },
): AsyncGenerator<readonly T[]> {
  for await (const piece of piecesOf(answer)) {
    try {
      push(piece);
    } finally {
      if (events.length > 0) yield events.splice(0);
    }
    if (isOver()) return;
  }
}
