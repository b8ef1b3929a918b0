import type { Principal, Thread } from 'jims-core';
// External ids as clients know them. They are unique within their contact. Those that the service makes
// begin with a word that no client may begin one with, and name their maker: so what a contact or a
// protocol's client calls a thread is never what a service calls one.
import { supersededBy } from 'jims-core/host';

const RESERVED = 'jims:';
const CONTACT = 'contact';

/** Whether only the service itself makes such ids. */
export function isReserved(externalId: string): boolean {
  return externalId.startsWith(RESERVED);
}

/** The external id of what the client of a protocol calls so: a chat, a context. */
export function externalIdIn(protocol: string, id: string): string {
  return `${RESERVED}${protocol}:${id}`;
}

/** What that client calls it; `undefined` for an id that this protocol did not make. */
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
