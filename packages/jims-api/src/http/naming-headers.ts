// Headers that name the request itself, its contact and its thread: for clients whose bodies cannot.
import { randomUUID } from 'node:crypto';

/** A contact; wins over what the body says, so that a proxy can set it for clients that it does not trust. */
export const CONTACT_HEADER = 'x-jims-contact-id';
/** A thread of JIMS. */
export const THREAD_HEADER = 'x-jims-thread-id';
/** The user, as front ends that do not know JIMS name them. */
export const USER_HEADERS: readonly string[] = ['x-openwebui-user-id', 'x-openwebui-user-email'];
/** The chat, as such front ends name it. */
export const CHAT_HEADERS: readonly string[] = ['x-openwebui-chat-id', 'x-conversation-id'];

/** The headers of a request that name a contact or a thread, those that are not empty. */
export function namedByHeaders({ headers }: Pick<Request, 'headers'>): readonly string[] {
  return [CONTACT_HEADER, THREAD_HEADER, ...USER_HEADERS, ...CHAT_HEADERS].flatMap((name) => {
    const value = headers.get(name);
    return value ? [`${name}: ${value}`] : [];
  });
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's `x-request-id` when it is one that may be put into headers and logs, else a new one. */
export function requestId(request: Request): string {
  const given = request.headers.get('x-request-id');
  return given !== null && REQUEST_ID.test(given) ? given : randomUUID();
}
