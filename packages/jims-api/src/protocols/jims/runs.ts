import { setTimeout as sleep } from 'node:timers/promises';

import { newEvent } from 'jims-core';
import type { RunRecord } from 'jims-core';
import * as v from 'valibot';

import { requireAllowed, runTerms, toRunTerms } from '../../chat/run-fields.ts';
import { namedThread, runHeaders, startRun, streamJoined } from '../../chat/run-routes.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { seesModels, tellOptions, visibleTo } from '../../chat/said.ts';
import { contactId, contactOf } from '../../http/contact.ts';
import { notFound } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { lastEventIdOf } from '../../http/last-event-id.ts';
import { list } from '../../http/list.ts';
import { addressOf } from '../../http/public-address.ts';
import { integerIn, uuidInPath, wordsIn } from '../../http/query.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { runJson } from '../../http/streamed-json.ts';
import { chatFrames } from './chat-stream.ts';
import { positionOf } from './event-ids.ts';
import { RUN_INCLUDES, runResource } from './resources.ts';
import type { RunInclude } from './resources.ts';
import { INCLUDES, includedFor, messageText, messageType } from './schemas.ts';
import type { Include } from './schemas.ts';
import { mayReach } from './threads.ts';

const MAX_WAIT_S = 60;
/** What a joiner gets by default: everything that is sent live. */
const JOINED: ReadonlySet<Include> = new Set<Include>(['thread', 'delta', 'event']);

const NOTHING_MORE: ReadonlySet<RunInclude> = new Set();

/** The body of `POST /api/v1/threads/{thread_id}/runs`. */
export const NewRunBody = v.pipe(
  v.object({
    message: messageText,
    contact_id: v.pipe(
      v.optional(contactId),
      v.description('Whose thread it is; anybody else’s is not found'),
    ),
    event_type: messageType,
    include: v.pipe(
      v.optional(list(v.picklist(RUN_INCLUDES), RUN_INCLUDES.length), []),
      v.description('More in its result: `usage`, what models were used'),
    ),
    on_busy: runTerms.on_busy,
    timeout: runTerms.timeout,
  }),
  v.title('NewRun'),
);

/** `POST /api/v1/threads/{thread_id}/runs`: starts a run, and says where to look. */
export async function startThreadRun(api: ApiContext, call: Call): Promise<Response> {
  const threadId = uuidInPath(call, 'thread_id');
  const body = parseBody(NewRunBody, await call.body());
  requireAllowed(body.event_type, api.allowedEventTypes);
  const contact = contactOf(call, body.contact_id);
  const run = await startRun(api, call, {
    ...toRunTerms({ ...body, on_disconnect: 'continue' }),
    thread: namedThread(api, call, { threadId, contactId: contact }),
    incoming: newEvent(body.event_type, { role: 'user', content: body.message }),
  });
  const record = await api.app.runs.record(run.id);
  if (!record) throw notFound();
  const headers = {
    ...call.headers,
    ...runHeaders(run),
    location: addressOf(api, `/api/v1/runs/${run.id}`),
  };
  const answered = { ...call, headers };
  return runAnswer(answered, record, { include: new Set(body.include), status: 202 });
}

/** `GET /api/v1/runs/{run_id}`; with `wait` it answers when the run is over, or after so many seconds. */
export async function getRun(api: ApiContext, call: Call): Promise<Response> {
  const wait = integerIn(call, 'wait', { min: 0, max: MAX_WAIT_S, byDefault: 0 });
  const options = { include: wordsIn(call, 'include', RUN_INCLUDES) ?? NOTHING_MORE };
  const record = await reachableRun(api, call);
  if (wait === 0 || !isActive(statusOf(record))) return runAnswer(call, record, options);
  const run = await api.app.runs.find(record.runId);
  const leave = run?.attach('continue');
  const timer = new AbortController();
  const signal = AbortSignal.any([timer.signal, call.request.signal]);
  await Promise.race([run?.end, sleep(wait * 1000, undefined, { signal }).catch(() => {})]);
  timer.abort();
  leave?.();
  return runAnswer(call, await reachableRun(api, call), options);
}

/** `GET /api/v1/runs/{run_id}/stream`: what was missed, then live, to the one last event. */
export async function joinRun(api: ApiContext, call: Call): Promise<Response> {
  const include = includedFor(call, wordsIn(call, 'include', INCLUDES) ?? JOINED);
  const id = lastEventIdOf(call) ?? (call.query.get('after') || undefined);
  const after = id === undefined ? undefined : positionOf(id);
  const runId = uuidInPath(call, 'run_id');
  const run = await api.app.runs.find(runId);
  if (!run || !mayReach(call, run.thread)) throw runNotFound(runId);
  // The run may be in memory still when its thread was erased by another process.
  if (!(await api.app.threads.find(run.thread.id))) throw runNotFound(runId);
  // The end was seen: 204 is how a server tells an EventSource not to come again.
  const { endPosition: end } = run;
  if (end && end.attempt === after?.attempt && end.seq === after.seq) {
    return new Response(null, { status: 204, headers: call.headers });
  }
  const options = { ...tellOptions(api, call), include, numbered: true, after };
  return streamJoined(api, call, run, () => chatFrames(run, options));
}

/** `POST /api/v1/runs/{run_id}/cancel`: 202 when it was to be stopped, 200 when it was over already. */
export async function cancelRun(api: ApiContext, call: Call): Promise<Response> {
  const include = wordsIn(call, 'include', RUN_INCLUDES) ?? NOTHING_MORE;
  const { runId } = await reachableRun(api, call);
  const status = isActive(await api.app.runs.cancel(runId)) ? 202 : 200;
  return runAnswer(call, await reachableRun(api, call), { include, status });
}

function runAnswer(
  call: Call,
  record: RunRecord,
  {
    include,
    status = 200,
  }: { readonly include: ReadonlySet<RunInclude>; readonly status?: number },
): Response {
  const { principal } = call;
  const view = { sees: visibleTo(principal), seesModels: seesModels(principal), include };
  return runJson(call, runResource(record, view), status);
}

async function reachableRun({ app }: ApiContext, call: Call): Promise<RunRecord> {
  const runId = uuidInPath(call, 'run_id');
  const record = await app.runs.record(runId);
  if (record && mayReach(call, record.thread)) return record;
  throw runNotFound(runId);
}

function runNotFound(runId: string): HttpError {
  return notFound(`Run '${runId}' not found`);
}
