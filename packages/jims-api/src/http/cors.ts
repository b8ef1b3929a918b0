import { requestId } from './naming-headers.ts';

/** Lets pages of named origins call the service; pages of other origins cannot read its answers. */
export interface Cors {
  /** The answer to a preflight, which carries no key; `undefined` for any other request. */
  preflight(request: Request): Response | undefined;
  /** Whether pages of this origin may call. */
  allows(origin: string): boolean;
  /** The headers for an answer to this request. */
  headers(request: Request): Record<string, string>;
}

/** All that answers say to programs. */
const EXPOSED = [
  'location',
  'etag',
  'accept-ranges',
  'content-range',
  'content-disposition',
  'www-authenticate',
  'request-id',
  'x-request-id',
  'x-jims-thread-id',
  'x-jims-run-id',
  'idempotency-replayed',
  'retry-after',
  'x-should-retry',
  'mcp-session-id',
  'a2a-extensions',
  'x-a2a-extensions',
  'x-vercel-ai-ui-message-stream',
  'x-workflow-run-id',
  'x-workflow-stream-tail-index',
].join(', ');
const PREFLIGHT_SECONDS = '600';

/** True for what `--cors-origin` may name: an exact origin, or `*` for any. Nothing matches by a pattern. */
export function isOrigin(text: string): boolean {
  if (text === '*') return true;
  const url = URL.parse(text);
  // Not `url.origin`, which is "null" for the pages of an extension or a mobile app.
  return url !== null && !/^$|\*/.test(url.host) && text === `${url.protocol}//${url.host}`;
}

/**
 * `origins` are exact, such as `https://app.example`; `*` stands for any, without credentials.
 *
 * @throws TypeError for an origin that could match nothing.
 */
export function createCors(origins: readonly string[]): Cors {
  const strange = origins.find((each) => !isOrigin(each));
  if (strange !== undefined) {
    throw new TypeError(`'${strange}' is not an origin such as https://app.example`);
  }
  const any = origins.includes('*');
  const allowed = new Set(origins);

  const allows = (origin: string): boolean => any || allowed.has(origin);

  function allow(request: Request): string | undefined {
    const origin = request.headers.get('origin');
    if (origin === null || !allows(origin)) return undefined;
    return any ? '*' : origin;
  }

  return {
    allows,
    preflight(request) {
      if (request.method !== 'OPTIONS') return undefined;
      if (!request.headers.has('access-control-request-method')) return undefined;
      const origin = allow(request);
      if (origin === undefined) return undefined;
      return new Response(null, {
        status: 204,
        headers: {
          'x-request-id': requestId(request),
          'access-control-allow-origin': origin,
          'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
          'access-control-allow-headers':
            request.headers.get('access-control-request-headers') ?? 'authorization, content-type',
          'access-control-max-age': PREFLIGHT_SECONDS,
          // Browsers that ask before a public page calls a private address.
          ...(request.headers.get('access-control-request-private-network') === 'true' && {
            'access-control-allow-private-network': 'true',
          }),
          vary: 'origin, access-control-request-headers',
        },
      });
    },
    headers(request) {
      const origin = origins.length === 0 ? undefined : allow(request);
      if (origin === undefined) return origins.length === 0 || any ? {} : { vary: 'origin' };
      return {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': EXPOSED,
        ...(!any && { vary: 'origin' }),
      };
    },
  };
}
