import { aborted, pause } from './pause.ts';
import { sseParser } from './sse-parser.ts';
import type { SseMessage } from './sse-parser.ts';
import { asJimsApiError, guarded, isTransient } from './transport.ts';
import type { CallOptions, Guard, Transport } from './transport.ts';

/** How to read a stream of the service. */
export interface FollowOptions<T> extends Pick<
  CallOptions,
  'query' | 'signal' | 'tries' | 'onLost'
> {
  /** The first connection, where there is one already. */
  readonly first?: OpenStream | undefined;
  /** Goes on after the event with this id. */
  readonly after?: string | undefined;
  /** Throws for what cannot be an event of the service: then the connection is lost. */
  readonly parse: (message: SseMessage) => T;
  readonly isLast?: (event: T) => boolean;
  readonly onOpen?: () => void;
}

/** A response whose head is there, and what gives it up. */
export interface OpenStream {
  readonly response: Response;
  readonly guard: Guard;
}

/** Opens a stream: one try. @throws JimsApiError */
export async function openStream(
  transport: Transport,
  path: string,
  options: CallOptions,
): Promise<OpenStream> {
  const guard = guarded(transport.silenceMs, options.signal);
  const headers = { accept: 'text/event-stream', ...options.headers };
  try {
    const response = await transport.open(path, { ...options, headers, signal: guard.signal });
    guard.watch(false);
    return { response, guard };
  } catch (error) {
    guard.end();
    throw guard.reason(error);
  }
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
  const { query, signal, parse, isLast, onLost, onOpen, tries = Infinity } = options;
  let { first, after = '' } = options;
  let retryAfter = 0;
  for (let failures = 1; ; failures++) {
    let fault: unknown;
    let isOver = false;
    try {
      const headers = after ? { 'last-event-id': after } : {};
      const stream = first ?? (await openStream(transport, path, { query, signal, headers }));
      first = undefined;
      onOpen?.();
      isOver = stream.response.status === 204;
      let events: T[] = [];
      const push = sseParser({
        id: after,
        onId: (id) => (after = id),
        onRetry: (ms) => (retryAfter = ms / 1000),
        onMessage(message) {
          if (isOver) return;
          const event = parse(message);
          events.push(event);
          failures = 0;
          isOver = isLast?.(event) === true;
        },
      });
      for await (const piece of piecesOf(stream)) {
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
    if (signal?.aborted) throw aborted();
    const error = asJimsApiError(fault);
    if (failures >= tries || !isTransient(error)) throw error;
    onLost?.(error);
    await pause(Math.max(1, failures), signal, {
      retryAfter: Math.max(retryAfter, error.retryAfter ?? 0),
    });
  }
}

/** What a connection brings, until it ends. */
async function* piecesOf({ response, guard }: OpenStream): AsyncGenerator<string> {
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
