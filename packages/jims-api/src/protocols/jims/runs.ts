import { setTimeout as sleep } from 'node:timers/promises';

import { newEvent } from 'jims-core';
import type { Run } from 'jims-core';
import * as v from 'valibot';

import { namedThread } from '../../chat/named-thread.ts';
import { answerFields, answerOption, questionNow } from '../../chat/questions.ts';
import { requireAllowed, runFields, runOptions } from '../../chat/run-fields.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { startRun } from '../../chat/start-run.ts';
import { joinRun } from '../../chat/stream-run.ts';
import { viewOptions } from '../../chat/visibility.ts';
import { contactId, contactOf, mayReach } from '../../http/contact.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { lastEventIdNames, lastEventIdOf } from '../../http/last-event-id.ts';
import { list } from '../../http/list.ts';
import { inHeader, inQuery } from '../../http/parameters.ts';
import { integerIn, uuidInPath, wordsIn } from '../../http/query.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Route, RunFrames } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { chatFrames, heartbeatFor } from './chat-stream.ts';
import { positionOf } from './event-ids.ts';
import { runStreamDoc } from './frame-docs.ts';
import { RUN_INCLUDES, RunResource } from './resources.ts';
import {
  ACCEPTED,
  INCLUDE,
  RUN_ID,
  acceptedAnswer,
  reachableRun,
  runAnswer,
  runIncludesIn,
  runNotFound,
} from './run-answer.ts';
import {
  IDEMPOTENCY_KEY,
  INCLUDES,
  includedFor,
  messageFiles,
  messageText,
  messageType,
} from './schemas.ts';
import type { Include } from './schemas.ts';
import { THREAD_ID } from './threads.ts';

const MAX_WAIT_S = 60;
/** What a client that joins gets by default: everything that is sent live. */
const JOINED: ReadonlySet<Include> = new Set<Include>(['thread', 'delta', 'event']);

const NewRunBody = titled('NewRun', {
  message: messageText,
  contact_id: described(
    v.optional(contactId),
    'The contact of the thread; the threads of others are not found',
  ),
  event_type: messageType,
  files: messageFiles,
  include: described(
    v.optional(list(v.picklist(RUN_INCLUDES), RUN_INCLUDES.length), []),
    'More in its result: `usage`, the models that were used',
  ),
  on_busy: runFields.on_busy,
  timeout: runFields.timeout,
  ...answerFields,
});

const tags = ['runs'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];

export const runRoutes: readonly Route[] = [
  route.post('/api/v1/threads/:thread_id/runs', startThreadRun, {
    operationId: 'start_run',
    summary: 'Send a message and fetch the answer later',
    tags,
    parameters: [THREAD_ID, IDEMPOTENCY_KEY],
    request: NewRunBody,
    responses: { 202: ACCEPTED },
    errors: [400, 409, 410, 413, 429, ...errors],
  }),
  route.get('/api/v1/runs/:run_id', getRun, {
    operationId: 'get_run',
    summary: 'The status of a run, or how it ended',
    tags,
    parameters: [
      RUN_ID,
      inQuery(
        'wait',
        `The most seconds to wait for its end, up to ${MAX_WAIT_S}`,
        v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WAIT_S)),
      ),
      INCLUDE,
    ],
    responses: { 200: { description: 'The run', schema: RunResource } },
    errors,
  }),
  route.get('/api/v1/runs/:run_id/stream', joinRunStream, {
    operationId: 'join_run',
    summary: 'Join the stream of a run',
    description:
      'The events of `/api/v1/chat/stream` with ids: those after `Last-Event-ID`, then live ones, up to the last one. 204 when the client has seen that already. When a run was lost and runs again, and the id is of an earlier attempt, the first event is `restarted`: what came from that attempt does not count.',
    tags,
    parameters: [
      RUN_ID,
      inQuery('include', 'As in a chat request, separated by commas; default `thread,delta,event`'),
      inHeader('last-event-id', 'The id of the last event that was seen: `<attempt>.<number>`'),
      inQuery('after', 'Instead of the header `Last-Event-ID`'),
      ...lastEventIdNames('after'),
    ],
    responses: {
      200: runStreamDoc(),
      204: { description: 'The client has seen its end already' },
    },
    errors: [400, 429, ...errors],
  }),
  route.post(
    '/api/v1/runs/:run_id/cancel',
    cancelRun,
    {
      operationId: 'cancel_run',
      summary: 'Stop a run',
      description:
        'What the user has seen of the answer is kept; streams of the run end with `cancelled`. The question of a run that waits is withdrawn.',
      tags,
      parameters: [RUN_ID, INCLUDE],
      responses: {
        200: { description: 'It was over already', schema: RunResource },
        202: { description: 'It is being stopped', schema: RunResource },
      },
      errors,
    },
    { bodyless: true },
  ),
  route.post(
    '/api/v1/runs/:run_id/retry',
    retryRun,
    {
      operationId: 'retry_run',
      summary: 'Execute a failed run once more',
      description:
        'For services, and for durable runs that failed with `lost`, `pipeline_changed`, `shutting_down` or `store_unavailable`: what they have done in steps is not done again. Another run is 409 `run_not_retried`.',
      tags,
      parameters: [RUN_ID, INCLUDE],
      responses: { 202: ACCEPTED },
      errors: [409, 429, ...errors],
    },
    { bodyless: true },
  ),
];

/** Starts a run, and says where to look. */
async function startThreadRun(api: ApiContext, call: Call): Promise<Response> {
  const threadId = uuidInPath(call, 'thread_id');
  const body = parseBody(NewRunBody, await call.body());
  requireAllowed(body.event_type, api.allowedEventTypes);
  const contact = contactOf(call, body.contact_id);
  const { run } = await startRun(api, call, {
    ...runOptions({ ...body, on_disconnect: 'continue' }),
    ...answerOption(body),
    thread: namedThread(api, call, { threadId, contactId: contact }),
    incoming: newEvent(body.event_type, { role: 'user', content: body.message }),
    sentFiles: body.files.map((fileId) => ({ fileId })),
  });
  return acceptedAnswer(api, call, { run, include: new Set(body.include) });
}

/** `GET /api/v1/runs/{run_id}`; with `wait` it answers when the run is over, or after so many seconds. */
async function getRun(api: ApiContext, call: Call): Promise<Response> {
  const wait = integerIn(call, 'wait', { min: 0, max: MAX_WAIT_S, byDefault: 0 });
  const options = { include: runIncludesIn(call) };
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

/** Sends the events that the client missed, then live ones up to the end. */
async function joinRunStream(api: ApiContext, call: Call): Promise<Response> {
  const include = includedFor(call, wordsIn(call, 'include', INCLUDES) ?? JOINED);
  const id = lastEventIdOf(call) ?? (call.query.get('after') || undefined);
  const after = id === undefined ? undefined : positionOf(id);
  const runId = uuidInPath(call, 'run_id');
  const run = await api.app.runs.find(runId);
  if (!run || !mayReach(api, call, run.thread)) throw runNotFound(runId);
  // The run may still be in memory when another process has erased its thread.
  if (!(await api.app.threads.find(run.thread.id))) throw runNotFound(runId);
  // The client has seen the end: 204 stops an EventSource from connecting again.
  const { endPosition: end } = run;
  if (end && end.attempt === after?.attempt && end.seq === after.seq) {
    return new Response(null, { status: 204, headers: call.headers });
  }
  const question = await questionNow(api.app, run);
  const options = { ...viewOptions(api, call), include, numbered: true, after, question };
  return joinRun(api, call, run, {
    heartbeat: heartbeatFor(include),
    encode: () => chatFrames(run, options),
  });
}

/** A run as a client sees it that joins with everything. */
export async function wire(api: ApiContext, call: Call, run: Run): Promise<RunFrames> {
  const question = await questionNow(api.app, run);
  const include = new Set(INCLUDES);
  return chatFrames(run, { ...viewOptions(api, call), include, numbered: true, question });
}

/** 202: it is being stopped. 200: it was over. */
async function cancelRun(api: ApiContext, call: Call): Promise<Response> {
  const include = runIncludesIn(call);
  const { runId } = await reachableRun(api, call);
  const status = isActive(await api.app.runs.cancel(runId)) ? 202 : 200;
  return runAnswer(call, await reachableRun(api, call), { include, status });
}

/** For services only: a retry may do once more what the run was doing when it failed. */
async function retryRun(api: ApiContext, call: Call): Promise<Response> {
  const include = runIncludesIn(call);
  const runId = uuidInPath(call, 'run_id');
  const run = call.principal.kind === 'service' ? await api.app.runs.retry(runId) : undefined;
  if (!run) throw runNotFound(runId);
  return acceptedAnswer(api, call, { run, include });
}
