import { isIPv6 } from 'node:net';
import type { Server } from 'node:net';

/** An option of `serve` that says where to listen. */
type AddressOption = 'host' | 'port' | 'metricsHost' | 'metricsPort';

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The options that `host` and `port` come from. */
  readonly from: { readonly host: AddressOption; readonly port: AddressOption };
}

/** `serve` cannot listen on a port; the message says why, and which option to change. */
export class PortError extends Error {
  override readonly name = 'PortError';
  /** The message without the options. */
  readonly problem: string;
  /** The options of `serve` to change. */
  readonly options: readonly AddressOption[];
  /** Whether something else listens on the port. */
  readonly isInUse: boolean;

  constructor(problem: string, options: readonly AddressOption[], cause: unknown) {
    super(`${problem} (${options.join(', ')})`, { cause });
    this.problem = problem;
    this.options = options;
    this.isInUse = Error.isError(cause) && 'code' in cause && cause.code === 'EADDRINUSE';
  }
}

/**
 * Resolves with the port when the server listens.
 *
 * @throws PortError when it cannot.
 */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => reject(portError(cause, options));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function portError(cause: NodeJS.ErrnoException, { host, port, from }: ListenOptions): PortError {
  const fail = (reason: string, ...options: AddressOption[]): PortError =>
    new PortError(`Cannot listen on ${inUrl(host)}:${port}: ${reason}`, options, cause);
  switch (cause.code) {
    case 'EADDRINUSE':
      return fail('the port is in use, choose another one', from.port);
    case 'EACCES':
      return fail('not allowed, choose a port above 1023', from.port);
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
      return fail('the host is not an address of this machine', from.host);
    default:
      return fail(cause.message, from.host, from.port);
  }
}

/** A host as URLs have it: an IPv6 address in brackets. */
export function inUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
