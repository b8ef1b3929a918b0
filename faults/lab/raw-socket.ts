import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A connection without a client's manners. What the network does to it is not an error. */
export async function openRaw(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends the pieces, and resolves with all that comes back until it is closed, or for so long. */
export async function sendRaw(
  url: string,
  pieces: readonly (string | Uint8Array)[],
  { waitMs = 300 }: { readonly waitMs?: number } = {},
): Promise<string> {
  const socket = await openRaw(url);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const piece of pieces) socket.write(piece);
  await Promise.race([closed, sleep(waitMs)]);
  socket.destroy();
  return text;
}
