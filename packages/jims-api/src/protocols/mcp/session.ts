// The session that a client of a revision up to 2025-11-25 begins with.
//
// Sessions are not stored: their ids distinguish clients, which all number their requests from 0.
// Every process can check such an id, because it ends with a digest of its beginning.
import { createHash, randomBytes } from 'node:crypto';

import { HttpError } from '../../http/errors.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { Call } from '../../http/route.ts';

const ID = /^(?<beginning>[0-9a-f]{32}(?:-ask)?)(?<digest>[0-9a-f]{8})$/;
/** In the id of a session whose client can ask its user. */
const ASKS = '-ask';

/** `asks`: whether the client can ask its user, which no later request says. */
export function newSessionId(asks: boolean): string {
  const beginning = randomBytes(16).toString('hex') + (asks ? ASKS : '');
  return beginning + digestOf(beginning);
}

/** Whether the client of a session can ask its user. */
export function canAsk(session: string | undefined): boolean {
  return session?.includes(ASKS) === true;
}

/** Whether the capabilities of a client say that it can ask its user by a form. */
export function asksByForm(capabilities: unknown): boolean {
  const { elicitation } = isJsonObject(capabilities) ? capabilities : {};
  if (!isJsonObject(elicitation)) return false;
  return 'form' in elicitation || Object.keys(elicitation).length === 0;
}

/**
 * The session of a request; `undefined` for a client that has none.
 *
 * @throws HttpError 404 for an id that no such service made: it makes clients begin again.
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
