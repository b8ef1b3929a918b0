// What Node's own server knows about a request, and a web-standard one does not.
import { IncomingMessage } from 'node:http';

import { isJsonType } from '../http/json-body.ts';
import {
  CHAT_HEADERS,
  CONTACT_HEADER,
  THREAD_HEADER,
  USER_HEADERS,
} from '../http/naming-headers.ts';

/** Headers that have one value. Without `authorization`: two of them are refused, even equal ones. */
const SINGLE: readonly string[] = [
  'content-type',
  'content-encoding',
  'idempotency-key',
  'last-event-id',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'mcp-session-id',
  'a2a-version',
  'origin',
  'x-request-id',
  'x-jims-task',
  'x-jims-statuses',
  CONTACT_HEADER,
  THREAD_HEADER,
  ...USER_HEADERS,
  ...CHAT_HEADERS,
];

/**
 * The request as its client meant it: a header that was sent twice with the same value counts once, and
 * a body that a middleware such as `express.json()` has read is there again. `host` is what
 * `getRequestListener` of @hono/node-server passes beside the request; anything else changes nothing.
 */
export function fromNode(request: Request, host: unknown): Request {
  const incoming = incomingOf(host);
  if (!incoming) return request;
  if (hasDoubles(incoming)) joinEqual(request, incoming);
  return withBody(request, incoming);
}

/** Whether a header comes twice, which is rare. The raw ones are names and values in turn. */
function hasDoubles({ headers, rawHeaders }: IncomingMessage): boolean {
  return Object.keys(headers).length * 2 < rawHeaders.length;
}

/** Equal values count once: joined by ", " they would be another value. */
function joinEqual(request: Request, { headersDistinct }: IncomingMessage): void {
  for (const name of SINGLE) {
    const [value, ...more] = headersDistinct[name] ?? [];
    if (value === undefined || more.length === 0) continue;
    if (more.every((each) => isSame(name, each, value))) request.headers.set(name, value);
  }
}

/** Content types are the same when both say JSON: a library adds a charset to what its user has set. */
function isSame(name: string, one: string, other: string): boolean {
  return one === other || (name === 'content-type' && isJsonType(one) && isJsonType(other));
}

function incomingOf(host: unknown): IncomingMessage | undefined {
  if (typeof host !== 'object' || host === null || !('incoming' in host)) return undefined;
  return host.incoming instanceof IncomingMessage ? host.incoming : undefined;
}

function withBody(request: Request, incoming: IncomingMessage): Request {
  // Express sets an empty body for requests that have none.
  if (!incoming.readableDidRead || !('body' in incoming)) return request;
  const { body } = incoming;
  if (body === undefined || request.method === 'GET' || request.method === 'HEAD') return request;
  const headers = new Headers(request.headers);
  // They describe the bytes that came in.
  for (const name of ['content-length', 'content-encoding']) headers.delete(name);
  const isSent = typeof body === 'string' || body instanceof Uint8Array;
  return new Request(request.url, {
    method: request.method,
    headers,
    signal: request.signal,
    body: isSent ? body : JSON.stringify(body),
  });
}
