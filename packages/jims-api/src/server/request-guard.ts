// The check before authentication: a request that any page on the web can make a browser send must have
// no effect, and must read nothing.
import type { Cors } from '../http/cors.ts';
import { HttpError } from '../http/errors.ts';
import { isKnownHost } from './hosts.ts';

/** @throws HttpError 403 for a host that is not the service's, or an origin that may not call. */
export type RequestGuard = (request: Request) => void;

export interface RequestGuardOptions {
  readonly cors: Cors;
  readonly publicUrl: string | undefined;
  /** Host names beside those that no stranger can register; `undefined`: any. */
  readonly allowedHosts: readonly string[] | undefined;
}

/** Methods that change nothing: another page may send them, and cannot read the answer. */
const HARMLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Makes the check that all requests of all protocols go through:
 *
 * - `Host` must be a name that no web page can take over (DNS rebinding), when the service checks it;
 * - what is not GET or HEAD must not come from a page of another origin (CSRF), unless CORS allows that
 *   origin. Clients that are not browsers send neither `Origin` nor `Sec-Fetch-Site`.
 */
export function createRequestGuard(options: RequestGuardOptions): RequestGuard {
  const { cors, publicUrl, allowedHosts } = options;
  const publicAddress = publicUrl === undefined ? undefined : new URL(publicUrl);
  const names = allowedHosts && [
    ...allowedHosts,
    ...(publicAddress ? [publicAddress.hostname] : []),
  ];

  /** The header of the last request that was let through: nearly all requests have the same one. */
  let lastKnown: string | undefined;

  function requireHost(request: Request): void {
    if (!names) return;
    const header = request.headers.get('host') ?? '';
    if (header === lastKnown && isMadeOf(request.url, header)) return;
    const strange = hostsOf(request).find((host) => !isKnownHost(host, names));
    if (strange === undefined) {
      lastKnown = header;
      return;
    }
    const reason = `Requests to the host '${strange.slice(0, 100)}' are not answered: name it with --allowed-host (allowedHosts) or --public-url (publicUrl)`;
    throw new HttpError(403, reason, { code: 'host_not_allowed' });
  }

  function requireOrigin(request: Request): void {
    if (HARMLESS.has(request.method)) return;
    const origin = request.headers.get('origin');
    const site = request.headers.get('sec-fetch-site');
    if (origin !== null && (cors.allows(origin) || origin === publicAddress?.origin)) return;
    if (site === 'same-origin') return;
    // A user who types an address sends "none"; older browsers, and other clients, send nothing.
    const saysNothing = site === null || site === 'none';
    if (saysNothing && (origin === null || isOwn(origin, request))) return;
    const reason = `Pages of ${origin === null ? 'another origin' : `'${origin.slice(0, 100)}'`} may not call: allow their origin with --cors-origin (corsOrigins)`;
    throw new HttpError(403, reason, { code: 'origin_not_allowed' });
  }

  /** Compares hosts only: a proxy may speak https for a service that does not. */
  function isOwn(origin: string, request: Request): boolean {
    if (publicAddress !== undefined) return false;
    const page = URL.parse(origin);
    // A host may name the port that its scheme has anyway.
    const isOf = (host: string): boolean =>
      URL.parse(`${page?.protocol}//${host}`)?.host === page?.host;
    return page !== null && page.host !== '' && hostsOf(request).some(isOf);
  }

  return (request) => {
    requireHost(request);
    requireOrigin(request);
  };
}

/** Whether a server made the host of an address from the header, as it is. */
function isMadeOf(address: string, header: string): boolean {
  return header !== '' && address.startsWith(`${header}/`, address.indexOf('://') + 3);
}

/** The hosts that a request names, in its address and in its header: a server may derive one from the other. */
function hostsOf(request: Request): readonly string[] {
  const header = request.headers.get('host') ?? '';
  const { host } = new URL(request.url);
  return header === '' || header === host ? [host] : [host, header];
}
