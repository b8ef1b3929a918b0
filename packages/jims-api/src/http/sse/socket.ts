import type { ServerResponse } from 'node:http';

import { FrameWriter } from './frame-writer.ts';
import type { FrameSink } from './frame-writer.ts';
import type { SseFrame } from './frame.ts';
import { SSE_HEADERS, heartbeatText } from './response.ts';
import type { SseEnd, SseOptions, SseResponder } from './response.ts';

/** Event streams straight to the sockets of Node's own server: web streams cost much more memory. */
export interface SocketStreams {
  readonly respond: SseResponder;
  /** Begins the stream that a response stands for; false for any other response. */
  send(response: Response, outgoing: ServerResponse): boolean;
}

export interface SocketStreamsOptions {
  readonly heartbeatMs: number;
  /** How long a reader may take nothing of what waits for it. */
  readonly readerTimeoutMs: number;
  /** Cuts the connection of a reader that took nothing for longer. */
  readonly cut: (outgoing: ServerResponse) => void;
}

/** How many times in each of these periods the streams are looked at. */
const TICKS = 10;

export function createSocketStreams({
  heartbeatMs,
  readerTimeoutMs,
  cut,
}: SocketStreamsOptions): SocketStreams {
  const waiting = new WeakMap<Response, (outgoing: ServerResponse) => SocketStream>();
  const open = new Set<Slot>();

  const tickMs = Math.min(heartbeatMs, readerTimeoutMs) / TICKS;
  /** One for all of them, while there are any: thousands of streams are open at once. */
  let timer: NodeJS.Timeout | undefined;

  function tick(): void {
    const at = now();
    for (const slot of open) {
      const { stream } = slot;
      if (!stream) open.delete(slot);
      else if (stream.stands(at) >= readerTimeoutMs) cut(stream.outgoing);
      else if (stream.rests(at) > heartbeatMs - tickMs) stream.write(stream.heartbeat);
    }
    if (open.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

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
      if (!begin) return false;
      // Else the map would keep it until the next full collection.
      waiting.delete(response);
      open.add(begin(outgoing).slot);
      timer ??= setInterval(tick, tickMs).unref();
      return true;
    },
  };
}

/**
 * A stream, until it is over. V8 may keep what was in a set that changes all the time until the next full collection:
 * this is then all that it keeps.
 */
interface Slot {
  stream: SocketStream | undefined;
}

/** Keeps the same promises as `sseResponse`. */
class SocketStream implements FrameSink {
  readonly slot: Slot = { stream: this };
  readonly outgoing: ServerResponse;
  readonly heartbeat: string;
  readonly #writer: FrameWriter;
  readonly #onClose: ((end: SseEnd) => void) | undefined;
  /** HTTP/1.0 has no chunks. */
  readonly #isChunked: boolean;
  #wroteAt = now();
  /** Bytes that the network has taken, and since when it is that many. */
  #taken = 0;
  #takenAt = now();

  constructor(frames: AsyncIterable<SseFrame>, options: SseOptions, outgoing: ServerResponse) {
    this.outgoing = outgoing;
    this.heartbeat = heartbeatText(options);
    this.#writer = new FrameWriter(frames, this);
    this.#onClose = options.onClose;
    // Chunks are written here: Node makes three pieces of each, which costs twice as much.
    this.#isChunked = outgoing.chunkedEncoding;
    outgoing.chunkedEncoding = false;
    // An error of a connection also closes it; without a listener it would end the process.
    outgoing.on('error', ignore).on('close', () => this.#leave());
    outgoing.on('drain', () => this.#writer.resume());
    if (outgoing.closed) this.#leave();
    else this.#writer.resume();
  }

  /** For how long nothing was written and nothing waits: comments must not pile up before a slow reader. */
  rests(at: number): number {
    return this.outgoing.writableLength > 0 ? 0 : at - this.#wroteAt;
  }

  /** For how long the network has taken nothing of what waits. */
  stands(at: number): number {
    const { socket } = this.outgoing;
    const taken = socket ? socket.bytesWritten - socket.writableLength : 0;
    if (taken !== this.#taken || this.outgoing.writableLength === 0) this.#takenAt = now();
    this.#taken = taken;
    return at - this.#takenAt;
  }

  write(text: string): boolean {
    this.#wroteAt = now();
    if (!this.#isChunked) return this.outgoing.write(text);
    return this.outgoing.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }

  end(text: string): void {
    this.#finish({ kind: 'completed' });
    this.outgoing.chunkedEncoding = this.#isChunked;
    this.outgoing.end(text);
  }

  fail(error: unknown): void {
    this.#finish({ kind: 'broken', error });
    // What was written before goes out first.
    setImmediate(() => this.outgoing.destroy());
  }

  #leave(): void {
    if (!this.slot.stream) return;
    this.#finish({ kind: 'client_gone' });
    this.#writer.stop();
  }

  #finish(end: SseEnd): void {
    this.slot.stream = undefined;
    this.#onClose?.(end);
  }
}

function ignore(): void {}

/** Whole milliseconds take no memory of their own. */
function now(): number {
  return Math.trunc(performance.now());
}
