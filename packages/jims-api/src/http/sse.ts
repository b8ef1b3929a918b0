import type { ReadableStreamDefaultController, UnderlyingSource } from 'node:stream/web';

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const LINE_BREAK = /\r\n|[\r\n]/g;
const BUFFER_BYTES = 64 * 1024;
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
};

const encoder = new TextEncoder();
const HEARTBEAT = encoder.encode(': hb\n\n');

/** One Server-Sent Event; `data` is text, encoded as its protocol wants it. */
export interface SseFrame {
  readonly id?: string | number;
  readonly event?: string;
  readonly data: string;
}

/** How a stream ended: every frame was handed over, the client left, or something broke it off. */
export type SseEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'client_gone' }
  | { readonly kind: 'broken'; readonly error: unknown };

export interface SseOptions {
  /** After so long without a frame a comment keeps the connection alive; 15000 by default. */
  readonly heartbeatMs?: number;
  /** Breaks the stream off when it aborts. */
  readonly signal?: AbortSignal;
  /** Called once, before the iterator is told to return; must not throw. */
  readonly onClose?: (end: SseEnd) => void;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The text of a frame. Throws a TypeError for an id or event name that is not a plain word. */
export function sseFrame({ id, event, data }: SseFrame): string {
  const idLine = id === undefined ? '' : `id: ${requireName(String(id))}\n`;
  const eventLine = event === undefined ? '' : `event: ${requireName(event)}\n`;
  return `${idLine}${eventLine}data: ${data.replaceAll(LINE_BREAK, '\ndata: ')}\n\n`;
}

function requireName(name: string): string {
  if (NAME.test(name)) return name;
  throw new TypeError(`An id or event name of a stream must match ${NAME}`);
}

/**
 * A response that sends frames as they come. It takes a frame only while the reader has room for it, so a
 * reader that stands still costs at most 64 KiB and one frame. The iterator's `return` is called when the
 * client leaves. What the iterator throws goes to `onClose`, never to the client: he sees the connection
 * break, not an end.
 */
export function sseResponse(frames: AsyncIterable<SseFrame>, options: SseOptions = {}): Response {
  const body = new ReadableStream<Uint8Array>(
    new SseSource(frames[Symbol.asyncIterator](), options),
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
  );
  return new Response(body, { headers: { ...HEADERS, ...options.headers } });
}

class SseSource implements UnderlyingSource<Uint8Array> {
  readonly #frames: AsyncIterator<SseFrame>;
  readonly #options: SseOptions;
  readonly #over = new AbortController();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(frames: AsyncIterator<SseFrame>, options: SseOptions) {
    this.#frames = frames;
    this.#options = options;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { signal, heartbeatMs = 15_000 } = this.#options;
    this.#heartbeat = setInterval(() => {
      // Only to a reader that has taken everything: comments must not pile up before one that stands still.
      if (controller.desiredSize === BUFFER_BYTES) controller.enqueue(HEARTBEAT);
    }, heartbeatMs).unref();
    const breakOff = (): void => this.#breakOff(controller, signal?.reason);
    if (signal?.aborted) breakOff();
    else signal?.addEventListener('abort', breakOff, { signal: this.#over.signal });
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const next = await this.#frames.next();
      if (this.#over.signal.aborted) return;
      if (next.done) {
        this.#finish({ kind: 'completed' });
        controller.close();
        return;
      }
      controller.enqueue(encoder.encode(sseFrame(next.value)));
      this.#heartbeat?.refresh();
    } catch (error) {
      this.#breakOff(controller, error);
    }
  }

  cancel(): void {
    this.#finish({ kind: 'client_gone' });
    this.#letGo();
  }

  /** Not waited for: an iterator that waits for its next frame is told only after that. */
  #letGo(): void {
    this.#frames.return?.().catch(() => {});
  }

  #breakOff(controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    if (this.#over.signal.aborted) return;
    this.#finish({ kind: 'broken', error });
    // A server may print or send the text of this one; the true error is for onClose alone.
    controller.error(new Error('The event stream broke off'));
    this.#letGo();
  }

  #finish(end: SseEnd): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    clearInterval(this.#heartbeat);
    this.#options.onClose?.(end);
  }
}
