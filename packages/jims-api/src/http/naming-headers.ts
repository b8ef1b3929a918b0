// Headers that say whom a request is for, and where: for clients whose body has no place for it.
import { randomUUID } from 'node:crypto';

/** A contact; goes before what the body says, so that a proxy can set it for clients it does not trust. */
export const CONTACT_HEADER = 'x-jims-contact-id';
/** A thread of JIMS. */
export const THREAD_HEADER = 'x-jims-thread-id';
/** The user, as front ends that know nothing of JIMS name him. */
export const USER_HEADERS: readonly string[] = ['x-openwebui-user-id', 'x-openwebui-user-email'];
/** The chat, as such front ends name it. */
export const CHAT_HEADERS: readonly string[] = ['x-openwebui-chat-id', 'x-conversation-id'];

/** All that a request names by headers, where there is something. */
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
