// The thread that a request names itself.
import type { RunThread } from 'jims-core';

import { notFound } from '../http/errors.ts';
import { canonicalUuid } from '../http/fastapi/uuid.ts';
import { THREAD_HEADER } from '../http/naming-headers.ts';
import type { ApiContext, Call } from '../http/route.ts';

/**
 * The thread that a request names by a header; an empty header names none.
 *
 * @throws HttpError 404 for an id that no thread can have.
 */
export function threadHeader({ request }: Call): string | undefined {
  const id = request.headers.get(THREAD_HEADER);
  return id ? threadIdOf(id) : undefined;
}

/** @throws HttpError 404 for an id that no thread can have. */
export function threadIdOf(id: string): string {
  const threadId = canonicalUuid(id);
  if (threadId === undefined) throw notFound(`Thread '${id}' not found`);
  return threadId;
}

/** A named thread, for a run in it: the contact's own unless the service shares threads. */
export function namedThread(
  { sharedThreads }: ApiContext,
  { principal }: Call,
  { threadId, contactId }: { readonly threadId: string; readonly contactId: string | undefined },
): RunThread {
  const free = principal.kind === 'service' && (sharedThreads || contactId === undefined);
  return { kind: 'thread', threadId, ...(!free && contactId !== undefined && { contactId }) };
}
