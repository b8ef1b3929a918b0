import type { RunRecord, Thread } from 'jims-core';

import { mayReach } from '../../../http/contact.ts';
import { HttpError, notFound } from '../../../http/errors.ts';
import type { ApiContext, Call } from '../../../http/route.ts';
import { NOBODY, callerOf } from '../shared/caller.ts';
import { conversationId, runIdOf, threadIdOf } from '../shared/ids.ts';

/** Where a conversation came from, for its config. */
export const INTERFACE = 'openai';

/** A service may name a contact later, when it named none at the beginning of the thread. */
function reaches(api: ApiContext, call: Call, thread: Thread, named: string | undefined): boolean {
  const unclaimed = call.principal.kind === 'service' && thread.contactId === NOBODY;
  return unclaimed || mayReach(api, call, thread, named);
}

/** @throws HttpError 404 when there is no such conversation for the caller. */
export async function requireConversation(
  api: ApiContext,
  call: Call,
  { id, contact }: { readonly id: string; readonly contact: string | undefined },
): Promise<Thread> {
  const threadId = threadIdOf(id);
  const found = threadId === undefined ? undefined : await api.app.threads.find(threadId);
  if (found && reaches(api, call, found.thread, contact)) return found.thread;
  throw notFound(`Conversation with id '${id}' not found.`);
}

/** @throws HttpError 404 when there is no such thread for the caller. */
export function requireThread(
  api: ApiContext,
  call: Call,
  { threadId, contact }: { readonly threadId: string; readonly contact: string | undefined },
): Promise<Thread> {
  return requireConversation(api, call, { id: conversationId(threadId), contact });
}

/** @throws HttpError 404 when there is no such response for the caller, and the contact that it names. */
export async function requireResponse(api: ApiContext, call: Call): Promise<RunRecord> {
  const id = call.params['response_id'] ?? '';
  const record = await recordOf(api, call, { runId: runIdOf(id), contact: callerOf(call) });
  if (record) return record;
  throw notFound(`Response with id '${id}' not found.`);
}

/** Finds a run that the caller may use. */
export async function recordOf(
  api: ApiContext,
  call: Call,
  { runId, contact }: { readonly runId: string | undefined; readonly contact: string | undefined },
): Promise<RunRecord | undefined> {
  const record = runId === undefined ? undefined : await api.app.runs.record(runId);
  return record && reaches(api, call, record.thread, contact) ? record : undefined;
}

/**
 * The conversation that a path names, when the caller may write to it outside a run.
 *
 * @throws HttpError 404 as for reading; 403 for a contact's thread of another protocol.
 */
export async function writableConversation(api: ApiContext, call: Call): Promise<Thread> {
  const thread = await conversationIn(api, call);
  if (call.principal.kind === 'service' || thread.config['interface'] === INTERFACE) return thread;
  const reason = `Conversation '${conversationId(thread.id)}' was begun by another protocol: it can be continued, but not changed here`;
  throw new HttpError(403, reason, { code: 'conversation_of_other_protocol' });
}

/** The conversation that a path names. */
export function conversationIn(api: ApiContext, call: Call): Promise<Thread> {
  const id = call.params['conversation_id'] ?? '';
  return requireConversation(api, call, { id, contact: callerOf(call) });
}
