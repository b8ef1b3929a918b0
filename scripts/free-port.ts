import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to clients and to servers that ask for port 0 (32768 and up on
 * Linux, 49152 on others): one of those may be given to somebody else before it is used.
 */
const LOWEST = 10_240;
const HIGHEST = 32_767;

/** A port of the loopback interface that nobody listens on just now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
