import { isJimsError } from 'jims-core';
import type { Run, RunThread, Thread } from 'jims-core';

import { idempotencyOf } from '../../chat/idempotency.ts';
import { countedContact } from '../../chat/start-run.ts';
import type { ApiContext, Call } from '../../http/route.ts';

/** Lets the app greet in a thread, once for each `Idempotency-Key`. */
export async function greetIn({ app }: ApiContext, call: Call, thread: RunThread): Promise<Run> {
  const caller = countedContact(call, thread);
  const idempotency = await idempotencyOf(call);
  const { principal, requestId } = call;
  return app.runs.start({
    thread,
    greets: true,
    principal,
    requestId,
    ...(caller !== undefined && { caller }),
    ...(idempotency && { idempotency }),
  });
}

/** Lets the app greet in a thread where nothing was said and no run is active; else `undefined`. */
export async function greetInEmpty(
  api: ApiContext,
  call: Call,
  { id: threadId, contactId, createdAt }: Thread,
): Promise<Run | undefined> {
  const beginning = { createdAt, id: BEFORE_ALL };
  const contact = contactId !== undefined && { contactId };
  try {
    return await greetIn(api, call, { kind: 'thread', threadId, ...contact, after: beginning });
  } catch (error) {
    if (isJimsError(error) && error.code === 'thread_moved') return undefined;
    throw error;
  }
}

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
