import type { Principal } from '../../src/http/principal.ts';
import type { Call } from '../../src/http/route.ts';

export interface CallParts {
  /** Path and query. */
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly principal?: Principal;
  readonly contactByHeader?: boolean;
  readonly body?: unknown;
}

/** A request as routes get it, for functions that read one part of it. By default a service sent it. */
export function callWith({
  address = '/',
  headers = {},
  params = {},
  principal = SERVICE,
  contactByHeader = false,
  body,
}: CallParts): Call {
  const url = new URL(address, 'http://localhost');
  return {
    request: new Request(url, { headers }),
    path: url.pathname,
    query: url.searchParams,
    params,
    requestId: 'request-1',
    receivedAt: 0,
    principal,
    contactByHeader,
    headers: {},
    logStream: () => () => {},
    logRun() {},
    brokeOff: () => false,
    body: () => Promise.resolve(body),
  };
}

export const SERVICE: Principal = { kind: 'service', id: 'key-1' };

/** The caller that a contact is by a token of their own. */
export function contact(contactId: string): Principal {
  return { kind: 'contact', id: 'token-1', contactId };
}
