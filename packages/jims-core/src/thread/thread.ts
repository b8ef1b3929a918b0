import type { JsonObject, NewEvent } from './event.ts';

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

/** A thread as lists of threads show it. */
export interface ThreadOverview extends Thread {
  /** What the app or a person called it, else the beginning of the contact's first message, on one line. */
  readonly title: string | undefined;
  /**
   * When its newest event came, titles and feedback excepted; when it was made, as long as it has none. Lists are
   * in this order.
   */
  readonly lastEventAt: string;
  /** Its newest `comm.*` event: the beginning of its content, on one line. */
  readonly lastMessage: { readonly role: string; readonly excerpt: string } | undefined;
  /** Whether a question to the contact is open. */
  readonly isWaiting: boolean;
}

/** The longest title, in characters; a longer one is cut. */
export const MAX_TITLE = 80;
/** The longest excerpt of a message in a list of threads, in characters. */
export const MAX_EXCERPT = 160;

/** The thread to get; made when it does not exist. */
export interface NewThread {
  readonly contactId: string;
  /** Gets the thread with this id, or makes it. */
  readonly threadId?: string;
  /** Gets the contact's thread with this external id, or makes it. */
  readonly externalId?: string;
  /** Used only when the thread is made; default `{}`. */
  readonly threadConfig?: JsonObject;
  /** What the thread begins with, appended only when it is made, with it or not at all; default nothing. */
  readonly events?: readonly NewEvent[];
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
