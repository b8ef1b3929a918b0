import { sseParser } from './sse-parser.ts';
import type { SseMessage } from './sse-parser.ts';
import { nextTry } from './transport.ts';
import type { CallOptions, OpenAnswer, Transport } from './transport.ts';

/** What the client of a stream says. */
export const STREAM = { accept: 'text/event-stream' };

/** How to read a stream of the service. */
export interface FollowOptions<T> extends Pick<
  CallOptions,
  'query' | 'signal' | 'tries' | 'onLost'
> {
  /** The first connection, where there is one already. */
  readonly first?: OpenAnswer | undefined;
  /** Goes on after the event with this id. */
  readonly after?: string | undefined;
  /** Throws for what cannot be an event of the service: then the connection is lost. */
  readonly parse: (message: SseMessage) => T;
  readonly isLast?: (event: T) => boolean;
  readonly onOpen?: () => void;
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
  const { query, signal, parse, isLast, onOpen } = options;
  let { first, after = '' } = options;
  let leastMs = 0;
  for (let count = 1; ; count++) {
    let fault: unknown;
    let isOver = false;
    try {
      const headers = { ...STREAM, ...(after && { 'last-event-id': after }) };
      const answer = first ?? (await transport.open(path, { query, signal, headers }));
      first = undefined;
      onOpen?.();
      isOver = answer.response.status === 204;
      let events: T[] = [];
      const push = sseParser({
        id: after,
        onId: (id) => (after = id),
        onRetry: (ms) => (leastMs = ms),
        onMessage(message) {
          if (isOver) return;
          const event = parse(message);
          events.push(event);
          count = 0;
          isOver = isLast?.(event) === true;
        },
      });
      for await (const piece of piecesOf(answer)) {
        try {
          push(piece);
        } catch (thrown) {
          fault = thrown;
        }
        if (events.length > 0) yield events;
        events = [];
        if (isOver || fault) break;
      }
    } catch (thrown) {
      fault = thrown;
    }
    if (isOver) return;
    await nextTry(fault, { ...options, count: Math.max(1, count), leastMs });
  }
}

/** What a connection brings, until it ends. */
async function* piecesOf({ response, guard }: OpenAnswer): AsyncGenerator<string> {
  try {
    guard.watch(true);
    // React Native's own fetch has no streams: it gives all of it at the end.
    if (!response.body) return yield await response.text();
    const reader = response.body.getReader();
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for (let read; !(read = await reader.read()).done; guard.watch(true)) {
      guard.watch(false);
      yield decoder.decode(read.value, { stream: true });
    }
  } catch (error) {
    throw guard.reason(error);
  } finally {
    guard.end();
  }
}
