import * as v from 'valibot';

import { isActive, statusOf } from '../chat/run-status.ts';
import { HttpError, notFound } from '../http/errors.ts';
import { unlessBroken } from '../http/json-answer.ts';
import { inPath } from '../http/parameters.ts';
import { uuidInPath } from '../http/query.ts';
import { route } from '../http/route.ts';
import type { ApiContext, Call, Protocol, Route, RunFrames } from '../http/route.ts';
import { framePieces } from '../http/sse/frame.ts';
import { RUN_ID, runNotFound } from '../protocols/jims/run-answer.ts';

/** Gives a protocol that is spoken here, by its name; `undefined` for another one. */
export type ProtocolByName = (name: string) => Promise<Protocol | undefined>;

const PROTOCOL = inPath('protocol', 'A name of `--protocols`, or `jims`', v.string());

/** A run as each of the protocols streams it, for people who compare them. */
export function wireRoute(protocolOf: ProtocolByName): Route {
  return route.get(
    '/api/v1/runs/:run_id/wire/:protocol',
    (api, call) => wireAnswer(api, call, protocolOf),
    {
      operationId: 'get_wire',
      summary: 'A run that is over, as a protocol streams it',
      description:
        'For services: the text of the stream that a client of this protocol would have got. Pieces of text may be joined; statuses and steps are there as long as the service has them.',
      tags: ['runs'],
      parameters: [RUN_ID, PROTOCOL],
      responses: {
        200: { description: 'Server-sent events', contentType: 'text/plain', schema: v.string() },
      },
      errors: [401, 404, 409, 422, 503],
    },
  );
}

async function wireAnswer(
  api: ApiContext,
  call: Call,
  protocolOf: ProtocolByName,
): Promise<Response> {
  const runId = uuidInPath(call, 'run_id');
  const record = call.principal.kind === 'service' ? await api.app.runs.record(runId) : undefined;
  if (!record) throw runNotFound(runId);
  const name = call.params['protocol'] ?? '';
  const protocol = await protocolOf(name);
  if (!protocol) throw notFound(`Protocol '${name.slice(0, 100)}' is not spoken here`);
  if (isActive(statusOf(record))) {
    throw new HttpError(409, 'The run is not over: try again later', { code: 'run_active' });
  }
  const run = await api.app.runs.find(runId);
  if (!run) throw runNotFound(runId);
  const text = unlessBroken(call, textOf(await protocol.wire(api, call, run)));
  const body = ReadableStream.from(text).pipeThrough(new TextEncoderStream());
  const headers = { ...call.headers, 'content-type': 'text/plain; charset=utf-8' };
  return new Response(body, { headers });
}

async function* textOf(frames: RunFrames): AsyncGenerator<string> {
  for await (const frame of frames) yield* framePieces(frame);
}
