import type { IncomingMessage, ServerResponse } from 'node:http';

/** How much is read of a body that nobody wants: a short one whole, so that its connection can go on. */
const MAX_BYTES = 256 * 1024;
/** How long a client that is still sending can read its answer before the connection is cut. */
const LINGER_MS = 1000;

/**
 * Bounds what is still read of a request that was answered before its body was read, such as by a 401: a
 * little of a long body, then the connection is closed. Must be called before the answer is written.
 */
export function boundUnreadBody(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.complete || incoming.destroyed) return;
  if (Number(incoming.headers['content-length'] ?? Number.NaN) <= MAX_BYTES) return;
  const { socket } = incoming;
  outgoing.shouldKeepAlive = false;
  // Node would cut the connection after the answer, and a client that is still sending would not get it:
  // close our side only, at first.
  socket.destroySoon = () => void socket.end();
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(cut));
  let left = MAX_BYTES;
  incoming.on('data', (chunk: Buffer) => {
    left -= chunk.byteLength;
    if (left >= 0) return;
    incoming.pause();
    // @hono/node-server would read on, up to 64 MiB.
    incoming.resume = () => incoming;
  });
  incoming.resume();
}
