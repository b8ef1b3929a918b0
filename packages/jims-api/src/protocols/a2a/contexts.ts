// A2A's contexts are threads: found by an external id within their contact.
import { newId } from 'jims-core';
import type { RunThread, Thread } from 'jims-core';

import { externalIdIn, idIn } from '../../chat/external-ids.ts';
import { rpcFailure } from '../json-rpc.ts';

/** PostgreSQL cannot index a text of any length. */
const MAX_CONTEXT_ID = 512;
const PROTOCOL = 'a2a';
const THREAD_CONFIG = { interface: 'a2a' };

/** The context that a thread is; threads of other protocols are one, too, named by their id. */
export function contextIdOf({ id, externalId }: Thread): string {
  return idIn(PROTOCOL, externalId) ?? id;
}

/**
 * The thread for a message: that of its context, made with the run when nobody knows the context yet.
 * Without a context a new one, whose id is the thread's.
 *
 * @throws HttpError `invalid_params` for a context that cannot be the contact's.
 */
export function threadOfContext(contactId: string, contextId: string | undefined): RunThread {
  const beginning = { contactId, threadConfig: THREAD_CONFIG, events: [] };
  if (contextId === undefined) {
    const threadId = newId();
    return { kind: 'new', threadId, externalId: externalIdIn(PROTOCOL, threadId), ...beginning };
  }
  if (contextId.length > MAX_CONTEXT_ID) {
    throw rpcFailure('invalid_params', 'The contextId is too long');
  }
  return { kind: 'external', externalId: externalIdIn(PROTOCOL, contextId), ...beginning };
}
