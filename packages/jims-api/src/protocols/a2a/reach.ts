import type { RunRecord } from 'jims-core';

import { contactInQuery, mayReach } from '../../http/contact.ts';
import type { HttpError } from '../../http/errors.ts';
import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { failure } from './failures.ts';

/**
 * The run that a task is. A service that names a contact reaches his tasks alone.
 *
 * @throws HttpError `task_not_found` also for a task that is not the caller's.
 */
export async function requireTask(
  api: ApiContext,
  call: Call,
  { id, contactId }: { readonly id: string; readonly contactId?: string | undefined },
): Promise<RunRecord> {
  const runId = canonicalUuid(id);
  const record = runId === undefined ? undefined : await api.app.runs.record(runId);
  const named = contactInQuery(call) ?? contactId;
  if (record && mayReach(api, call, record.thread, named)) return record;
  throw taskNotFound(id);
}

export function taskNotFound(id: string): HttpError {
  return failure('task_not_found', `Task '${id.slice(0, 100)}' not found`);
}
