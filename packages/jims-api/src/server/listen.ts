import { isIPv6 } from 'node:net';
import type { Server } from 'node:net';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** The options to change when the port, or the host, cannot be had. */
  readonly portOption: string;
  readonly hostOption: string;
}

/** A port that cannot be listened on; the message says why, and what to change. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/** Resolves when the server listens; throws a {@link PortError} when it cannot. */
export async function listen(server: Server, options: ListenOptions): Promise<void> {
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const message = `Cannot listen on ${isIPv6(host) ? `[${host}]` : host}:${port}: ${reasonOf(cause, options)}`;
      reject(new PortError(message, { cause }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function reasonOf(
  { code, message }: NodeJS.ErrnoException,
  { portOption, hostOption }: ListenOptions,
): string {
  switch (code) {
    case 'EADDRINUSE':
      return `the port is in use, choose another one (${portOption})`;
    case 'EACCES':
      return `not allowed, choose a port above 1023 (${portOption})`;
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
      return `the host is not an address of this machine (${hostOption})`;
    default:
      return `${message} (${hostOption}, ${portOption})`;
  }
}
