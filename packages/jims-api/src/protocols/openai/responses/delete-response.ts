import type { JimsApp, RunRecord } from 'jims-core';

import { isActive, statusOf } from '../../../chat/run-status.ts';
import { HttpError } from '../../../http/errors.ts';
import { json } from '../../../http/route.ts';
import type { ApiContext, Call } from '../../../http/route.ts';
import { conversationId, responseId } from './ids.ts';
import { requireResponse } from './reach.ts';

/**
 * `DELETE /v1/responses/{response_id}`: erases its thread, when there is nothing else in it. A thread
 * only grows: out of a longer one nothing is taken, and whoever asks is told what can be done.
 */
export async function deleteResponse(api: ApiContext, call: Call): Promise<Response> {
  const record = await requireResponse(api, call);
  const { thread } = record;
  const id = responseId(record.runId);
  if (isActive(statusOf(record))) {
    throw new HttpError(400, `Response '${id}' is not over: cancel it first.`, {
      code: 'response_in_progress',
    });
  }
  if (!(await isAllThereIs(api.app, record))) {
    const whole = conversationId(thread.id);
    throw new HttpError(
      400,
      `Response '${id}' is a part of a longer conversation, of which no part can be deleted: delete all of it with DELETE /v1/conversations/${whole}.`,
      { code: 'response_in_conversation' },
    );
  }
  await api.app.threads.delete({ threadId: thread.id });
  return json(call, { id, object: 'response.deleted', deleted: true });
}

/** Whether a thread was made for this run, with what its request brought, and nothing was said since. */
async function isAllThereIs(
  app: JimsApp,
  { createdThread, thread, runId, events, startEvents }: RunRecord,
): Promise<boolean> {
  if (!createdThread) return false;
  const own = new Set([runId, ...[...startEvents, ...events].map(({ id }) => id)]);
  const last = (await app.threads.recentEvents(thread)).events.at(-1);
  return last === undefined || own.has(last.id);
}
