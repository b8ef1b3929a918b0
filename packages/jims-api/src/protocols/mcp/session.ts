// Nothing is kept of a session: its id tells clients apart who count their requests alike, from 0.
// Any process knows such an id by itself: it ends with a digest of its beginning.
import { createHash, randomBytes } from 'node:crypto';

import { HttpError } from '../../http/errors.ts';
import type { Call } from '../../http/route.ts';

const ID = /^(?<beginning>[0-9a-f]{32})(?<digest>[0-9a-f]{8})$/;

export function newSessionId(): string {
  const beginning = randomBytes(16).toString('hex');
  return beginning + digestOf(beginning);
}

/**
 * The session of a request; `undefined` for a client that has none.
 *
 * @throws HttpError 404 for an id that no service of this kind gave: so clients are told to begin again.
 */
export function sessionOf({ request }: Call): string | undefined {
  const id = request.headers.get('mcp-session-id');
  if (id === null) return undefined;
  const { beginning, digest } = ID.exec(id)?.groups ?? {};
  if (beginning !== undefined && digest === digestOf(beginning)) return id;
  throw new HttpError(404, 'There is no such session: initialize a new one', {
    code: 'session_not_found',
  });
}

function digestOf(text: string): string {
  return createHash('sha256').update(`mcp-session:${text}`).digest('hex').slice(0, 8);
}
