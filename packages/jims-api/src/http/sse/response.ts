import type { ReadableStreamDefaultController, UnderlyingSource } from 'node:stream/web';

import { FrameWriter } from './frame-writer.ts';
import { frameText } from './frame.ts';
import type { SseFrame } from './frame.ts';

const BUFFER_BYTES = 64 * 1024;

/**
 * How often a silent stream sends a comment, by default. Some servers and proxies, such as Bun's, cut a
 * connection that is silent for 10 seconds.
 */
export const DEFAULT_HEARTBEAT_MS = 8000;

export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
};
const COMMENT = ': hb\n\n';

const encoder = new TextEncoder();

/** How a stream ended: every frame was handed over, the client left, or something broke it off. */
export type SseEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'client_gone' }
  | { readonly kind: 'broken'; readonly error: unknown };

export interface SseOptions {
  /** After so long without a frame a comment keeps the connection alive; 8000 by default. */
  readonly heartbeatMs?: number;
  /** What is sent instead of that comment, for clients that cannot see comments. */
  readonly heartbeat?: SseFrame | undefined;
  /** Called once, before the iterator's `return`; must not throw. */
  readonly onClose?: (end: SseEnd) => void;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SseResponseOptions extends SseOptions {
  /** Breaks the stream off when it aborts. */
  readonly signal?: AbortSignal;
}

/** Answers with frames as they come; {@link sseResponse}, or what a server has of its own. */
export type SseResponder = (frames: AsyncIterable<SseFrame>, options: SseOptions) => Response;

/**
 * A response that sends frames as they come; see {@link FrameWriter}. A reader that stands still costs
 * about 64 KiB. The iterator's `return` is called when the client leaves. What the iterator throws goes
 * to `onClose`, never to the client, which sees the connection break and no end.
 */
export function sseResponse(
  frames: AsyncIterable<SseFrame>,
  options: SseResponseOptions = {},
): Response {
  const body = new ReadableStream<Uint8Array>(
    new SseSource(frames, options),
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
  );
  return new Response(body, { headers: { ...SSE_HEADERS, ...options.headers } });
}

/** What keeps a stream alive. */
export function heartbeatText({ heartbeat }: Pick<SseOptions, 'heartbeat'>): string {
  return heartbeat ? frameText(heartbeat) : COMMENT;
}

class SseSource implements UnderlyingSource<Uint8Array> {
  readonly #frames: AsyncIterable<SseFrame>;
  readonly #options: SseResponseOptions;
  readonly #over = new AbortController();
  #writer: FrameWriter | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(frames: AsyncIterable<SseFrame>, options: SseResponseOptions) {
    this.#frames = frames;
    this.#options = options;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { signal, heartbeatMs = DEFAULT_HEARTBEAT_MS } = this.#options;
    const beat = encoder.encode(heartbeatText(this.#options));
    const heartbeat = setInterval(() => {
      // Only to a reader that has taken everything: comments must not pile up before one that stands still.
      if (controller.desiredSize === BUFFER_BYTES) controller.enqueue(beat);
    }, heartbeatMs).unref();
    this.#heartbeat = heartbeat;
    this.#writer = new FrameWriter(this.#frames, {
      write(text) {
        controller.enqueue(encoder.encode(text));
        heartbeat.refresh();
        return (controller.desiredSize ?? 0) > 0;
      },
      end: (text) => {
        if (text !== '') controller.enqueue(encoder.encode(text));
        this.#finish({ kind: 'completed' });
        controller.close();
      },
      fail: (error) => this.#breakOff(controller, error),
    });
    const breakOff = (): void => {
      this.#breakOff(controller, signal?.reason);
      this.#writer?.stop();
    };
    if (signal?.aborted) breakOff();
    else signal?.addEventListener('abort', breakOff, { signal: this.#over.signal });
  }

  pull(): void {
    this.#writer?.resume();
  }

  cancel(): void {
    this.#finish({ kind: 'client_gone' });
    this.#writer?.stop();
  }

  #breakOff(controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    this.#finish({ kind: 'broken', error });
    // A server may print or send the text of this one; the true error is for onClose alone.
    controller.error(new Error('The event stream broke off'));
  }

  #finish(end: SseEnd): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    clearInterval(this.#heartbeat);
    this.#options.onClose?.(end);
  }
}
