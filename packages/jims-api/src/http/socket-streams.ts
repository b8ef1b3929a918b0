import type { ServerResponse } from 'node:http';

import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';

import { SseText } from './sse-text.ts';
import type { SseFrame } from './sse-text.ts';
import { HEARTBEAT, SSE_HEADERS } from './sse.ts';
import type { SseEnd, SseOptions, SseResponder } from './sse.ts';

/** Event streams written straight to the sockets of Node's own server: a web stream holds much more. */
export interface SocketStreams {
  readonly respond: SseResponder;
  /** Begins the stream that a response stands for; gives any other response back as it is. */
  send(response: Response, outgoing: ServerResponse): Response;
  /** Ends the heartbeats. */
  close(): void;
}

/** How finely heartbeats are timed. */
const TICKS = 10;

export function createSocketStreams(heartbeatMs: number): SocketStreams {
  const waiting = new WeakMap<Response, (outgoing: ServerResponse) => SocketStream>();
  const open = new Set<SocketStream>();

  // One timer for all of them: thousands of streams are open at once.
  const timer = setInterval(() => {
    const until = performance.now() - heartbeatMs * (1 - 1 / TICKS);
    for (const stream of open) {
      if (stream.isOver) open.delete(stream);
      else stream.beat(until);
    }
  }, heartbeatMs / TICKS).unref();

  return {
    respond(frames, options) {
      const headers = { ...SSE_HEADERS, ...options.headers };
      const response = new Response(null, { headers });
      waiting.set(response, (outgoing) => {
        outgoing.writeHead(response.status, headers).flushHeaders();
        return new SocketStream(frames, options, outgoing);
      });
      return response;
    },
    send(response, outgoing) {
      const begin = waiting.get(response);
      if (!begin) return response;
      open.add(begin(outgoing));
      return RESPONSE_ALREADY_SENT;
    },
    close: () => clearInterval(timer),
  };
}

/** See `sseResponse`: the same promises. */
class SocketStream {
  readonly #text: SseText;
  readonly #outgoing: ServerResponse;
  readonly #onClose: ((end: SseEnd) => void) | undefined;
  #lastWrite = performance.now();
  #isOver = false;

  constructor(frames: AsyncIterable<SseFrame>, { onClose }: SseOptions, outgoing: ServerResponse) {
    this.#text = new SseText(frames);
    this.#outgoing = outgoing;
    this.#onClose = onClose;
    outgoing.once('close', () => this.#leave());
    if (outgoing.closed) this.#leave();
    else this.#go();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Says that the stream lives when nothing was written since, and everything was taken. */
  beat(since: number): void {
    // Comments must not pile up before a reader that stands still.
    if (this.#lastWrite > since || this.#outgoing.writableLength > 0) return;
    this.#write(HEARTBEAT);
  }

  readonly #go = (): void => {
    if (!this.#isOver) this.#text.next().then(this.#take, this.#breakOff);
  };

  readonly #take = (text: string | undefined): void => {
    if (this.#isOver) return;
    if (text === undefined) {
      this.#finish({ kind: 'completed' });
      this.#outgoing.end();
    } else if (this.#write(text)) {
      this.#go();
    } else {
      this.#outgoing.once('drain', this.#go);
    }
  };

  readonly #breakOff = (error: unknown): void => {
    if (this.#isOver) return;
    this.#finish({ kind: 'broken', error });
    this.#text.letGo();
    this.#outgoing.destroy();
  };

  #write(text: string): boolean {
    this.#lastWrite = performance.now();
    return this.#outgoing.write(text);
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#finish({ kind: 'client_gone' });
    this.#text.letGo();
  }

  #finish(end: SseEnd): void {
    this.#isOver = true;
    this.#onClose?.(end);
  }
}
