import { once } from 'node:events';
import type { EventEmitter } from 'node:events';
import type { Server } from 'node:net';

/** Lets a server listen on a free port of this machine, and tells which. */
export async function localPort(
  server: EventEmitter & Pick<Server, 'listen' | 'address'>,
): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The server listens on no port');
  return address.port;
}
