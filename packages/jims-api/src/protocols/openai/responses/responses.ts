import type { JimsApp, Run, RunRecord } from 'jims-core';

import { resultOfRun, runHeaders } from '../../../chat/answer-run.ts';
import { fileAddress } from '../../../chat/file-address.ts';
import { hasKey } from '../../../chat/idempotency.ts';
import { isActive, statusOf } from '../../../chat/run-status.ts';
import { startRun } from '../../../chat/start-run.ts';
import { joinRun, streamRun } from '../../../chat/stream-run.ts';
import { HttpError } from '../../../http/errors.ts';
import { json } from '../../../http/json-answer.ts';
import {
  lastEventIdInvalid,
  lastEventIdNames,
  lastEventIdOf,
} from '../../../http/last-event-id.ts';
import { inHeader, inQuery } from '../../../http/parameters.ts';
import { integerIn } from '../../../http/query.ts';
import { lookUpInTurn } from '../../../http/reading-turns.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, Parameter, Route, RunFrames } from '../../../http/route.ts';
import { conversationId, responseId } from '../shared/ids.ts';
import { CONTACT, deletedResource, idInPath } from '../shared/routes.ts';
import { throwAway } from '../shared/throw-away.ts';
import { ResponseBody, decode } from './decode.ts';
import { echoOf } from './echo.ts';
import type { Echo } from './echo.ts';
import { encodeStream } from './encode-stream.ts';
import type { StreamOptions } from './encode-stream.ts';
import { ItemList, PAGE, listPage, toItem } from './items.ts';
import { requireResponse } from './reach.ts';
import { NOTHING, ResponseResource, responseObject, stateOfEnd } from './response.ts';
import { targetOf } from './thread.ts';

const MAX_NUMBER = 999_999_999_999_999;
const NUMBER = /^\d{1,15}$/;

const response = { 200: { description: 'The response', schema: ResponseResource } };
const tags = ['openai'];
const ofResponse = { tags, parameters: [idInPath('response_id'), CONTACT] };
/** The number of an event is its id in the stream, too. */
const LAST_EVENT_ID: Parameter = inHeader(
  'last-event-id',
  'As `starting_after`; also of a stream that is requested again by its `Idempotency-Key`',
);
const inputItems = { 200: { description: 'Items', schema: ItemList } };

export const responseRoutes: readonly Route[] = [
  route.post('/v1/responses', createResponse, {
    operationId: 'openai_response',
    summary: 'For OpenAI’s clients: a response',
    description:
      'Also below `/openai/v1`. With `stream: true` the answer is a stream of events. Errors are `{"error": {"message", "type", "param", "code"}}`.',
    tags,
    parameters: [LAST_EVENT_ID],
    request: ResponseBody,
    responses: response,
    errors: [400, 401, 404, 409, 413, 429, 500, 503, 504],
  }),
  route.get('/v1/responses/:response_id', getResponse, {
    operationId: 'openai_get_response',
    summary: 'For OpenAI’s clients: a response as it is now',
    tags,
    parameters: [
      ...ofResponse.parameters,
      inQuery('stream', '`true`: its events from the beginning, then live'),
      inQuery('starting_after', 'With `stream`: only events after this number'),
      LAST_EVENT_ID,
      ...lastEventIdNames('starting_after'),
    ],
    responses: response,
    errors: [400, 401, 404, 429, 503],
  }),
  route.delete('/v1/responses/:response_id', deleteResponse, {
    operationId: 'openai_delete_response',
    summary: 'For OpenAI’s clients: erase a response that is the only one of its thread',
    ...ofResponse,
    responses: {
      200: { description: 'It is erased', schema: deletedResource('response.deleted') },
    },
    errors: [400, 401, 404],
  }),
  route.post(
    '/v1/responses/:response_id/cancel',
    cancelResponse,
    {
      operationId: 'openai_cancel_response',
      summary: 'For OpenAI’s clients: stop a background response',
      ...ofResponse,
      responses: response,
      errors: [400, 401, 404],
    },
    { bodyless: true },
  ),
  route.get('/v1/responses/:response_id/input_items', listInputItems, {
    operationId: 'openai_input_items',
    summary: 'For OpenAI’s clients: the question that a response answers',
    tags,
    parameters: [...ofResponse.parameters, ...PAGE],
    responses: inputItems,
    errors: [400, 401, 404],
  }),
];

async function createResponse(api: ApiContext, call: Call): Promise<Response> {
  const wanted = await decode(api, await call.body());
  const { background, stream, store } = wanted;
  const target = await lookUpInTurn(api, call, () => targetOf(api, call, wanted));
  const echo = echoOf(target.incoming);
  const isThrownAway = !store && target.thread.kind === 'new';
  const request = {
    ...target,
    canAnswer: !isThrownAway,
    onDisconnect: background ? 'continue' : 'cancel_unless_keyed',
  } as const;
  if (stream) {
    const seen = hasKey(call) ? numberSeen(call) : undefined;
    return streamRun(api, call, request, (run) => {
      if (isThrownAway) throwAway(api, call, run);
      const startingAfter = run.replayed ? seen : undefined;
      return encodeStream(run, { ...streamOptions(api, call, echo), startingAfter });
    });
  }
  const { run } = await startRun(api, call, request);
  if (isThrownAway) throwAway(api, call, run);
  const headers = { ...call.headers, ...runHeaders(run) };
  if (background) {
    const record = await api.app.runs.record(run.id);
    if (record) return json({ headers }, await currentResponse(api, call, record));
  }
  await resultOfRun(api, call, run);
  const end = await run.end;
  const addressOf = fileAddress(api, call);
  const whose = { runId: run.id, threadId: run.thread.id, echo, addressOf };
  return json({ headers }, responseObject(whose, stateOfEnd(whose, end)));
}

/** With `stream=true` its events from the beginning, or after one. */
async function getResponse(api: ApiContext, call: Call): Promise<Response> {
  const record = await requireResponse(api, call);
  if (call.query.get('stream') !== 'true')
    return json(call, await currentResponse(api, call, record));
  const startingAfter = integerIn(call, 'starting_after', {
    min: 0,
    max: MAX_NUMBER,
    byDefault: numberSeen(call) ?? -1,
  });
  const run = await requireRun(api, record);
  const options = streamOptions(api, call, echoOf(record.incoming));
  return joinRun(api, call, run, () => encodeStream(run, { ...options, startingAfter }));
}

/**
 * Erases its thread, when there is nothing else in it. A thread
 * only grows: nothing is taken out of a longer one, and the error says what can be done.
 */
async function deleteResponse(api: ApiContext, call: Call): Promise<Response> {
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
    const reason = `Response '${id}' is a part of a longer conversation, of which no part can be deleted: delete all of it with DELETE /v1/conversations/${whole}.`;
    throw new HttpError(400, reason, { code: 'response_in_conversation' });
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

/** Answers when the run is over. */
async function cancelResponse(api: ApiContext, call: Call): Promise<Response> {
  const record = await requireResponse(api, call);
  if (!echoOf(record.incoming).background) {
    throw new HttpError(400, 'Only responses created with background=true can be cancelled.', {
      code: 'not_a_background_response',
    });
  }
  const run = await requireRun(api, record);
  await api.app.runs.cancel(run.id);
  await run.end;
  return json(call, await currentResponse(api, call, await requireResponse(api, call)));
}

/** The question alone: earlier messages are in the conversation. */
async function listInputItems(api: ApiContext, call: Call): Promise<Response> {
  const { incoming, runId } = await requireResponse(api, call);
  const addressOf = fileAddress(api, call);
  const items = incoming ? toItem({ ...incoming, id: runId }, { runId, addressOf }) : [];
  return json(call, await listPage(call, () => items));
}

/** The response as it is now, from what is stored of it. */
async function currentResponse(api: ApiContext, call: Call, record: RunRecord): Promise<object> {
  const { runId, thread, incoming } = record;
  const addressOf = fileAddress(api, call);
  const whose = { runId, threadId: thread.id, echo: echoOf(incoming), addressOf };
  const status = statusOf(record);
  if (isActive(status)) {
    const now = status === 'queued' ? 'queued' : 'in_progress';
    return responseObject(whose, { ...NOTHING, status: now });
  }
  const run = await api.app.runs.find(runId);
  const end = await (run ?? gone(record)).end;
  return responseObject(whose, stateOfEnd(whose, end, record.finishedAt));
}

/** A run as the stream of its response. */
export async function wire(api: ApiContext, call: Call, run: Run): Promise<RunFrames> {
  const record = await api.app.runs.record(run.id);
  return encodeStream(run, streamOptions(api, call, echoOf(record?.incoming)));
}

/** The number of the last event that a client has seen of a stream that it requests again. */
function numberSeen(call: Call): number | undefined {
  const id = lastEventIdOf(call);
  if (id === undefined) return undefined;
  if (!NUMBER.test(id)) throw lastEventIdInvalid();
  return Number(id);
}

async function requireRun({ app }: ApiContext, record: RunRecord): Promise<Run> {
  return (await app.runs.find(record.runId)) ?? gone(record);
}

/** The thread was erased after the run was found. */
function gone({ runId }: RunRecord): never {
  throw new HttpError(404, `Response of run '${runId}' not found.`);
}

function streamOptions(api: ApiContext, call: Call, echo: Echo): StreamOptions {
  const { requestId, request } = call;
  const { exposeErrors } = api;
  return { echo, request, requestId, exposeErrors, addressOf: fileAddress(api, call) };
}
