import { setTimeout as sleep } from 'node:timers/promises';

import { newEvent } from 'jims-core';
import type { RunRecord } from 'jims-core';
import * as v from 'valibot';

import { runHeaders } from '../../chat/answer-run.ts';
import { namedThread } from '../../chat/named-thread.ts';
import { requireAllowed, runFields, runOptions } from '../../chat/run-fields.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { startRun } from '../../chat/start-run.ts';
import { joinRun } from '../../chat/stream-run.ts';
import { seesModels, viewOptions, visibleTo } from '../../chat/visibility.ts';
import { contactId, contactOf, mayReach } from '../../http/contact.ts';
import { notFound } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { jsonOrPieces } from '../../http/json-answer.ts';
import { lastEventIdNames, lastEventIdOf } from '../../http/last-event-id.ts';
import { list } from '../../http/list.ts';
import { addressOf } from '../../http/public-address.ts';
import { integerIn, uuidInPath, wordsIn } from '../../http/query.ts';
import type { ApiContext, Call, ErrorStatus, Parameter, Route } from '../../http/route.ts';
import { chatFrames } from './chat-stream.ts';
import { positionOf } from './event-ids.ts';
import { RUN_INCLUDES, RunResource, runResource } from './resources.ts';
import type { RunInclude } from './resources.ts';
import { IDEMPOTENCY_KEY, INCLUDES, includedFor, messageText, messageType } from './schemas.ts';
import type { Include } from './schemas.ts';
import { THREAD_ID } from './threads.ts';

const MAX_WAIT_S = 60;
/** What a client that joins gets by default: everything that is sent live. */
const JOINED: ReadonlySet<Include> = new Set<Include>(['thread', 'delta', 'event']);

const NO_INCLUDES: ReadonlySet<RunInclude> = new Set();

const NewRunBody = v.pipe(
  v.object({
    message: messageText,
    contact_id: v.pipe(
      v.optional(contactId),
      v.description('The contact of the thread; the threads of others are not found'),
    ),
    event_type: messageType,
    include: v.pipe(
      v.optional(list(v.picklist(RUN_INCLUDES), RUN_INCLUDES.length), []),
      v.description('More in its result: `usage`, the models that were used'),
    ),
    on_busy: runFields.on_busy,
    timeout: runFields.timeout,
  }),
  v.title('NewRun'),
);

const RUN_ID: Parameter = {
  name: 'run_id',
  in: 'path',
  required: true,
  description: 'The run',
  schema: v.pipe(v.string(), v.uuid()),
};

const INCLUDE: Parameter = {
  name: 'include',
  in: 'query',
  description: 'More in its result: `usage`, the models that were used',
  schema: v.picklist(RUN_INCLUDES),
};

const tags = ['runs'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];

export const runRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/threads/:thread_id/runs',
    doc: {
      operationId: 'start_run',
      summary: 'Send a message and fetch the answer later',
      tags,
      parameters: [THREAD_ID, IDEMPOTENCY_KEY],
      request: NewRunBody,
      responses: {
        202: {
          description: 'Accepted; the header `location` has the address of the run',
          schema: RunResource,
        },
      },
      errors: [400, 409, 413, 429, ...errors],
    },
    handle: startThreadRun,
  },
  {
    method: 'GET',
    path: '/api/v1/runs/:run_id',
    doc: {
      operationId: 'get_run',
      summary: 'The status of a run, or how it ended',
      tags,
      parameters: [
        RUN_ID,
        {
          name: 'wait',
          in: 'query',
          description: `The most seconds to wait for its end, up to ${MAX_WAIT_S}`,
          schema: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WAIT_S)),
        },
        INCLUDE,
      ],
      responses: { 200: { description: 'The run', schema: RunResource } },
      errors,
    },
    handle: getRun,
  },
  {
    method: 'GET',
    path: '/api/v1/runs/:run_id/stream',
    doc: {
      operationId: 'join_run',
      summary: 'Join the stream of a run',
      description:
        'The events of `/api/v1/chat/stream` with ids: those after `Last-Event-ID`, then live ones, up to the last one. 204 when the client has seen that already. When a run was lost and runs again, and the id is of an earlier attempt, the first event is `restarted`: what came from that attempt does not count.',
      tags,
      parameters: [
        RUN_ID,
        {
          name: 'include',
          in: 'query',
          description: 'As in a chat request, separated by commas; default `thread,delta,event`',
          schema: v.string(),
        },
        {
          name: 'last-event-id',
          in: 'header',
          description: 'The id of the last event that was seen: `<attempt>.<number>`',
          schema: v.string(),
        },
        {
          name: 'after',
          in: 'query',
          description: 'Instead of the header `Last-Event-ID`',
          schema: v.string(),
        },
        ...lastEventIdNames('after'),
      ],
      responses: {
        200: { description: 'The run, live', contentType: 'text/event-stream' },
        204: { description: 'The client has seen its end already' },
      },
      errors: [400, 429, ...errors],
    },
    handle: joinRunStream,
  },
  {
    method: 'POST',
    path: '/api/v1/runs/:run_id/cancel',
    doc: {
      operationId: 'cancel_run',
      summary: 'Stop a run',
      description:
        'What the user has seen of the answer is kept; streams of the run end with `cancelled`.',
      tags,
      parameters: [RUN_ID, INCLUDE],
      responses: {
        200: { description: 'It was over already', schema: RunResource },
        202: { description: 'It is being stopped', schema: RunResource },
      },
      errors,
    },
    bodyless: true,
    handle: cancelRun,
  },
];

/** Starts a run, and says where to look. */
async function startThreadRun(api: ApiContext, call: Call): Promise<Response> {
  const threadId = uuidInPath(call, 'thread_id');
  const body = parseBody(NewRunBody, await call.body());
  requireAllowed(body.event_type, api.allowedEventTypes);
  const contact = contactOf(call, body.contact_id);
  const { run } = await startRun(api, call, {
    ...runOptions({ ...body, on_disconnect: 'continue' }),
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
async function getRun(api: ApiContext, call: Call): Promise<Response> {
  const wait = integerIn(call, 'wait', { min: 0, max: MAX_WAIT_S, byDefault: 0 });
  const options = { include: wordsIn(call, 'include', RUN_INCLUDES) ?? NO_INCLUDES };
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
  const options = { ...viewOptions(api, call), include, numbered: true, after };
  return joinRun(api, call, run, () => chatFrames(run, options));
}

/** 202: it is being stopped. 200: it was over. */
async function cancelRun(api: ApiContext, call: Call): Promise<Response> {
  const include = wordsIn(call, 'include', RUN_INCLUDES) ?? NO_INCLUDES;
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
  return jsonOrPieces(call, runResource(record, view), status);
}

async function reachableRun(api: ApiContext, call: Call): Promise<RunRecord> {
  const runId = uuidInPath(call, 'run_id');
  const record = await api.app.runs.record(runId);
  if (record && mayReach(api, call, record.thread)) return record;
  throw runNotFound(runId);
}

function runNotFound(runId: string): HttpError {
  return notFound(`Run '${runId}' not found`);
}
