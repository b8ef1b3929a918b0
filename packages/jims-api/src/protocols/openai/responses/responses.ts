import type { Run, RunRecord } from 'jims-core';

import {
  resultOf,
  runHeaders,
  startRun,
  streamJoined,
  streamRun,
} from '../../../chat/run-routes.ts';
import { isActive, statusOf } from '../../../chat/run-status.ts';
import { HttpError } from '../../../http/errors.ts';
import { integerIn } from '../../../http/query.ts';
import { placeInTurn } from '../../../http/reading-turns.ts';
import { json } from '../../../http/route.ts';
import type { ApiContext, Call } from '../../../http/route.ts';
import { throwAway } from '../shared/throw-away.ts';
import { askedOf } from './asked.ts';
import type { Asked } from './asked.ts';
import { toItem } from './conversation-items.ts';
import { decode } from './decode.ts';
import { encodeStream } from './encode-stream.ts';
import type { StreamOptions } from './encode-stream.ts';
import { listPage } from './list-page.ts';
import { requireResponse } from './reach.ts';
import { NOTHING, responseObject, stateOfEnd } from './response.ts';
import { placeOf } from './thread.ts';

const MAX_NUMBER = 999_999_999_999_999;

/** `POST /v1/responses` */
export async function createResponse(api: ApiContext, call: Call): Promise<Response> {
  const request = decode(api, await call.body());
  const { background, stream } = request;
  const place = await placeInTurn(api, call, () => placeOf(api, call, request));
  const asked = askedOf(place.incoming);
  const ask = { ...place, onDisconnect: background ? 'continue' : 'cancel' } as const;
  const began = (run: Run): Run => {
    if (!request.store && place.thread.kind === 'new') throwAway(api, call, run);
    return run;
  };
  if (stream) {
    return streamRun(api, call, ask, (run) =>
      encodeStream(began(run), streamOptions(api, call, asked)),
    );
  }
  const run = began(await startRun(api, call, ask));
  const headers = { ...call.headers, ...runHeaders(run) };
  if (background) {
    const record = await api.app.runs.record(run.id);
    if (record) return json({ headers }, await currentResponse(api, record));
  }
  const end = await run.end;
  resultOf(end);
  const whose = { runId: run.id, threadId: run.thread.id, asked };
  return json({ headers }, responseObject(whose, stateOfEnd(run.id, end)));
}

/** `GET /v1/responses/{response_id}`; with `stream=true` its events from the beginning, or after one. */
export async function getResponse(api: ApiContext, call: Call): Promise<Response> {
  const record = await requireResponse(api, call);
  if (call.query.get('stream') !== 'true') return json(call, await currentResponse(api, record));
  const startingAfter = integerIn(call, 'starting_after', {
    min: 0,
    max: MAX_NUMBER,
    byDefault: -1,
  });
  const run = await requireRun(api, record);
  const options = streamOptions(api, call, askedOf(record.incoming));
  return streamJoined(api, call, run, () => encodeStream(run, { ...options, startingAfter }));
}

/** `POST /v1/responses/{response_id}/cancel`: answers when the run is over. */
export async function cancelResponse(api: ApiContext, call: Call): Promise<Response> {
  const record = await requireResponse(api, call);
  if (!askedOf(record.incoming).background) {
    throw new HttpError(400, 'Only responses created with background=true can be cancelled.', {
      code: 'not_a_background_response',
    });
  }
  const run = await requireRun(api, record);
  await api.app.runs.cancel(run.id);
  await run.end;
  return json(call, await currentResponse(api, await requireResponse(api, call)));
}

/** `GET /v1/responses/{response_id}/input_items`: what was asked; what was said before is in the conversation. */
export async function listInputItems(api: ApiContext, call: Call): Promise<Response> {
  const { incoming, runId } = await requireResponse(api, call);
  const items = incoming ? toItem({ ...incoming, id: runId }, runId) : [];
  return json(call, await listPage(call, () => items));
}

/** The response as it is now, told by what is stored of it. */
async function currentResponse({ app }: ApiContext, record: RunRecord): Promise<object> {
  const { runId, thread, incoming } = record;
  const whose = { runId, threadId: thread.id, asked: askedOf(incoming) };
  const status = statusOf(record);
  if (isActive(status)) {
    const now = status === 'queued' ? 'queued' : 'in_progress';
    return responseObject(whose, { ...NOTHING, status: now });
  }
  const run = await app.runs.find(runId);
  const end = await (run ?? gone(record)).end;
  return responseObject(whose, stateOfEnd(runId, end, record.finishedAt));
}

async function requireRun({ app }: ApiContext, record: RunRecord): Promise<Run> {
  return (await app.runs.find(record.runId)) ?? gone(record);
}

/** Erased after it was found. */
function gone({ runId }: RunRecord): never {
  throw new HttpError(404, `Response of run '${runId}' not found.`);
}

function streamOptions(
  { exposeErrors }: ApiContext,
  { requestId, request }: Call,
  asked: Asked,
): StreamOptions {
  return { asked, request, requestId, exposeErrors };
}
