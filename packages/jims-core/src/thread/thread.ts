import type { JsonObject } from './event.ts';

/** One conversation of a contact. */
export interface Thread {
  readonly id: string;
  /** Who talks, as the client names him; threads made by other interfaces may have none. */
  readonly contactId: string | undefined;
  /** Names the thread within its contact; of several, as other writers may leave them, the newest counts. */
  readonly externalId: string | undefined;
  /** UTC with microseconds. */
  readonly createdAt: string;
  readonly config: JsonObject;
}

/** How to get or make a thread. */
export interface NewThread {
  readonly contactId: string;
  /** Given: get the thread of this id, or make it. */
  readonly threadId?: string;
  /** Given: get the contact's thread of this external id, or make it. */
  readonly externalId?: string;
  /** Used only when the thread is made; default `{}`. */
  readonly threadConfig?: JsonObject;
}

/**
 * The external id of a thread whose own one was taken over by another thread: this, and that thread's
 * id. No client may choose an external id that begins so.
 */
export const SUPERSEDED = 'jims:superseded:';

/**
 * The id of the thread that took over this one's external id; `undefined` when none did.
 *
 * @example
 * supersededBy({ externalId: 'ticket-7' }); // undefined
 */
export function supersededBy({ externalId }: Pick<Thread, 'externalId'>): string | undefined {
  return externalId?.startsWith(SUPERSEDED) ? externalId.slice(SUPERSEDED.length) : undefined;
}
