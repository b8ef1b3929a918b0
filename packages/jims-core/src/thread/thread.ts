import type { JsonObject } from './event.ts';

/** One conversation of a contact. */
export interface Thread {
  readonly id: string;
  /** Who talks, as the client names him; threads made by other interfaces may have none. */
  readonly contactId: string | undefined;
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
  /** Given: get the thread of this external id, or make it. */
  readonly externalId?: string;
  /** Used only when the thread is made; default `{}`. */
  readonly threadConfig?: JsonObject;
}
