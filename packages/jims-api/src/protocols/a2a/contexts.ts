// A2A's contexts are threads: found by an external id within their contact.
import { newId } from 'jims-core';
import type { JimsApp, RunThread, Thread } from 'jims-core';

import { rpcFailure } from '../../http/json-rpc.ts';

/** PostgreSQL cannot index a text of any length. */
const MAX_EXTERNAL_ID = 600;
const THREAD_CONFIG = { interface: 'a2a' };

/** The context that a thread is; threads of other protocols are one, too, named by their id. */
export function contextIdOf({ id, contactId, externalId }: Thread): string {
  const prefix = prefixOf(contactId ?? '');
  return externalId?.startsWith(prefix) ? externalId.slice(prefix.length) : id;
}

/**
 * The thread for a message: that of its context, made when nobody knows the context yet. Without a
 * context a new one, whose id is the thread's.
 *
 * @throws HttpError `invalid_params` for a context that cannot be the contact's.
 */
export async function threadOfContext(
  app: JimsApp,
  contactId: string,
  contextId: string | undefined,
): Promise<RunThread> {
  if (contextId === undefined) {
    const threadId = newId();
    const externalId = prefixOf(contactId) + threadId;
    return {
      kind: 'new',
      threadId,
      externalId,
      contactId,
      threadConfig: THREAD_CONFIG,
      events: [],
    };
  }
  const externalId = prefixOf(contactId) + contextId;
  if (externalId.length > MAX_EXTERNAL_ID) {
    throw rpcFailure('invalid_params', 'The contextId is too long');
  }
  const { thread } = await app.openThread({ contactId, externalId, threadConfig: THREAD_CONFIG });
  // There may be colons in both parts, so that two contacts can come to the same external id.
  if (thread.contactId !== contactId) {
    throw rpcFailure('invalid_params', 'The contextId cannot be used: choose another one');
  }
  return { kind: 'thread', threadId: thread.id, contactId };
}

function prefixOf(contactId: string): string {
  return `a2a:${contactId}:`;
}
