import type { JsonObject } from './event.ts';

/** One conversation of a contact. */
export interface Thread {
  readonly id: string;
  /** The contact, as the client names them; `undefined` for threads of other programs without one. */
  readonly contactId: string | undefined;
  /** The client's name for the thread, unique for its contact. If other programs left several, the newest counts. */
  readonly externalId: string | undefined;
  /** UTC with microseconds. */
  readonly createdAt: string;
  readonly config: JsonObject;
}

/** The thread to get; made when it does not exist. */
export interface NewThread {
  readonly contactId: string;
  /** Gets the thread with this id, or makes it. */
  readonly threadId?: string;
  /** Gets the contact's thread with this external id, or makes it. */
  readonly externalId?: string;
  /** Used only when the thread is made; default `{}`. */
  readonly threadConfig?: JsonObject;
}

/**
 * When a thread takes over the external id of another, the other's becomes this prefix and the id of
 * the first. No client may choose an external id with this prefix.
 */
export const SUPERSEDED = 'jims:superseded:';

/**
 * The id of the thread that took over this thread's external id; `undefined` when none did.
 *
 * @example
 * supersededBy({ externalId: 'ticket-7' }); // undefined
 */
export function supersededBy({ externalId }: Pick<Thread, 'externalId'>): string | undefined {
  return externalId?.startsWith(SUPERSEDED) ? externalId.slice(SUPERSEDED.length) : undefined;
}
