// The revisions of MCP. Those up to 2025-11-25 begin with `initialize`; since 2026-07-28 each request says
// in `_meta` which revision it speaks and what its client can do.
import { HttpError } from '../../http/errors.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { Call } from '../../http/route.ts';

/** The revision without sessions. */
const STATELESS = '2026-07-28';
/** Newest first. They do not differ in what is used here. */
const WITH_SESSIONS = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
] as const;

/** All of them, newest first. */
export const VERSIONS: readonly string[] = [STATELESS, ...WITH_SESSIONS];

/** In the `_meta` of a request. */
export const META_VERSION = 'io.modelcontextprotocol/protocolVersion';
const HEADER = 'mcp-protocol-version';

/** The version to speak with a client that initializes and wants this one. */
export function negotiate(wanted: unknown): string {
  return WITH_SESSIONS.find((version) => version === wanted) ?? WITH_SESSIONS[0];
}

type WithHeaders = Pick<Call, 'request'>;

/** The version that a request names: in its params, else by the header. */
export function versionIn({ request }: WithHeaders, params: unknown): string | undefined {
  const meta = isJsonObject(params) ? params['_meta'] : undefined;
  const named = isJsonObject(meta) ? meta[META_VERSION] : undefined;
  return typeof named === 'string' ? named : (request.headers.get(HEADER) ?? undefined);
}

/** Whether a request speaks a revision without sessions, or says that it does. */
export function isStateless(call: WithHeaders, params: unknown): boolean {
  const header = call.request.headers.get(HEADER);
  return header === STATELESS || isUnknown(header) || versionIn(call, params) === STATELESS;
}

function isUnknown(version: string | null): boolean {
  return version !== null && !VERSIONS.includes(version);
}

/**
 * Requires that the version of a request is known, and that its header and its `_meta` agree.
 *
 * @throws HttpError 400.
 */
export function requireVersion(call: WithHeaders, params: unknown): void {
  const header = call.request.headers.get(HEADER);
  const named = versionIn(call, params);
  if (named !== header && isStateless(call, params)) {
    throw headerMismatch(HEADER, header, named ?? '');
  }
  if (named === undefined || VERSIONS.includes(named)) return;
  throw new HttpError(400, `MCP-Protocol-Version must be one of ${VERSIONS.join(', ')}`, {
    code: 'mcp_version_not_supported',
  });
}

/** The refusal of a request whose headers do not say what its body says. */
export function headerMismatch(name: string, header: string | null, body: string): HttpError {
  const found = header === null ? 'is missing' : `is '${header.slice(0, 100)}'`;
  const message = `The header ${name} ${found}, and the body says '${body.slice(0, 100)}'`;
  return new HttpError(400, message, { code: 'mcp_header_mismatch' });
}

/** Clients of these versions send no version either. */
const WITHOUT_LINKS: ReadonlySet<string | null> = new Set([
  null,
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
]);

/** Whether a client knows `resource_link`: those of older versions refuse the whole result. */
export function knowsLinks({ request }: WithHeaders): boolean {
  return !WITHOUT_LINKS.has(request.headers.get(HEADER));
}
