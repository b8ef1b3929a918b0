// External ids, which are unique within their contact. Those that the service itself makes begin with
// `jims:`, which no client may use, and name their maker: so a name that a contact or a protocol's client
// gives a thread never collides with a name that a service gives one.
import type { Principal, Thread } from 'jims-core';
import { supersededBy } from 'jims-core/host';

const RESERVED = 'jims:';
const CONTACT = 'contact';

/** Whether only the service itself makes such ids. */
export function isReserved(externalId: string): boolean {
  return externalId.startsWith(RESERVED);
}

/** The external id for a name that the client of a protocol gives: of a chat, of a context. */
export function externalIdIn(protocol: string, id: string): string {
  return `${RESERVED}${protocol}:${id}`;
}

/** The name that the client gave; `undefined` for an id that this protocol did not make. */
export function idIn(protocol: string, externalId: string | undefined): string | undefined {
  const beginning = externalIdIn(protocol, '');
  return externalId?.startsWith(beginning) ? externalId.slice(beginning.length) : undefined;
}

/** The external id that a caller means: a contact's own ones are not a service's. */
export function externalIdOf({ kind }: Principal, id: string): string {
  return kind === 'service' || isReserved(id) ? id : externalIdIn(CONTACT, id);
}

/** The external id that a caller sees; `null` for none, and for a service's when a contact looks. */
export function externalIdFor({ kind }: Principal, thread: Thread): string | null {
  const { externalId = null } = thread;
  if (externalId === null || supersededBy(thread) !== undefined) return null;
  if (kind === 'service') return externalId;
  return idIn(CONTACT, externalId) ?? (isReserved(externalId) ? externalId : null);
}
