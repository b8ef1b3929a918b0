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
  let isOver = false;
  let events: T[] = [];
  for (let count = 1; ; count++) {
    let fault: unknown;
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
    const headers = { ...STREAM, ...(after && { 'last-event-id': after }) };
    const open = first ?? transport.open(path, { query, signal, headers });
    first = undefined;
    try {
      for await (const piece of piecesOf(await open, onOpen)) {
        fault = faultOf(() => push(piece));
        if (events.length > 0) yield events;
        events = [];
        if (isOver || fault) break;
      }
    } catch (thrown) {
      fault = thrown;
    }
    if (isOver || fault === END) return;
    await nextTry(fault, { ...options, count: Math.max(1, count), leastMs });
  }
}

function faultOf(action: () => void): unknown {
  try {
    return void action();
  } catch (error) {
    return error;
  }
}

/** The client has seen the end of the stream already. */
const END = new Error('204');

/** What a connection brings, until it ends. */
async function* piecesOf(
  { response, guard }: OpenAnswer,
  onOpen?: () => void,
): AsyncGenerator<string> {
  try {
    onOpen?.();
    if (response.status === 204) throw END;
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
    throw error === END ? error : guard.reason(error);
  } finally {
    guard.end();
  }
}
