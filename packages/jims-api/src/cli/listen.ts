import type { Server } from 'node:net';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** The option to change when the port cannot be had. */
  readonly option: string;
}

/** A port that cannot be listened on; the message says why, and what to change. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/** Resolves when the server listens; throws a {@link PortError} when it cannot. */
export async function listen(server: Server, { host, port, option }: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const message = `Cannot listen on ${host}:${port}: ${reasonOf(cause)} (${option})`;
      reject(new PortError(message, { cause }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use, choose another one';
    case 'EACCES':
      return 'not allowed, choose a port above 1023';
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
      return 'the host is not an address of this machine';
    default:
      return message;
  }
}
