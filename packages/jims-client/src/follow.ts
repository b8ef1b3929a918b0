import type { JimsApiError } from './errors.ts';
import { aborted, pause, pauseBefore } from './pause.ts';
import { SseParser } from './sse-parser.ts';
import type { SseMessage } from './sse-parser.ts';
import { Watchdog, asJimsApiError, isTransient } from './transport.ts';
import type { CallOptions, Transport } from './transport.ts';

/** How to read a stream of the service. */
export interface FollowOptions<T> extends Pick<CallOptions, 'query' | 'signal'> {
  /** The first connection, where there is one already. */
  readonly first?: OpenStream | undefined;
  /** Goes on after the event with this id. */
  readonly after?: string | undefined;
  /** Throws for what cannot be an event of the service: then the connection is lost. */
  readonly parse: (message: SseMessage) => T;
  readonly isLast?: (event: T) => boolean;
  /** The connection is lost; it is tried again. */
  readonly onLost?: (error: JimsApiError | undefined) => void;
  readonly onOpen?: () => void;
  /** After so many connections in a row that brought nothing the stream is given up; never by default. */
  readonly tries?: number;
}

/** A response whose head is there, and what gives it up. */
export interface OpenStream {
  readonly response: Response;
  readonly watchdog: Watchdog;
}

/** Opens a stream: one try. @throws JimsApiError */
export async function openStream(
  transport: Transport,
  path: string,
  options: CallOptions,
): Promise<OpenStream> {
  const watchdog = new Watchdog(transport.silenceMs, options.signal);
  const headers = { accept: 'text/event-stream', ...options.headers };
  try {
    const { signal } = watchdog;
    const response = await transport.open(path, { ...options, headers, signal });
    watchdog.rest();
    return { response, watchdog };
  } catch (error) {
    watchdog.end();
    throw watchdog.reason(error);
  }
}

/**
 * Reads a stream up to its last event, through lost connections: each is joined again after the last
 * event that came. What arrives together is given together.
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
  let shortestPause = 0;
  for (let failures = 0; ;) {
    let error: JimsApiError | undefined;
    try {
      const headers = after ? { 'last-event-id': after } : {};
      const stream = first ?? (await openStream(transport, path, { query, signal, headers }));
      first = undefined;
      onOpen?.();
      let events: T[] = [];
      let isOver = stream.response.status === 204;
      const parser = new SseParser({
        lastId: after,
        onRetry: (ms) => (shortestPause = ms),
        onMessage(message) {
          if (isOver) return;
          const event = parse(message);
          events.push(event);
          failures = 0;
          after = message.id;
          isOver = isLast?.(event) === true;
        },
      });
      for await (const piece of piecesOf(stream)) {
        let fault: unknown;
        try {
          parser.push(piece);
        } catch (thrown) {
          fault = thrown;
        }
        const taken = events;
        events = [];
        if (taken.length > 0) yield taken;
        if (isOver) return;
        if (fault) throw fault;
      }
      if (isOver) return;
    } catch (thrown) {
      error = asJimsApiError(thrown);
      if (signal?.aborted) throw aborted();
      if (!isTransient(error)) throw error;
    }
    if (++failures >= tries) throw error ?? asJimsApiError(undefined);
    onLost?.(error);
    await pause(Math.max(shortestPause, pauseBefore(failures, error)), signal);
  }
}

/** What a connection brings, until it ends. */
async function* piecesOf({ response, watchdog }: OpenStream): AsyncGenerator<string> {
  try {
    watchdog.watch();
    const { body } = response;
    // React Native's own fetch has no streams: it gives all of it at the end.
    if (!body) return yield await response.text();
    const reader = body.getReader();
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        watchdog.rest();
        yield decoder.decode(value, { stream: true });
        watchdog.watch();
      }
    } finally {
      // Not awaited: a connection that is dead may never say so.
      reader.cancel().catch(() => {});
    }
  } catch (error) {
    throw watchdog.reason(error);
  } finally {
    watchdog.end();
  }
}
