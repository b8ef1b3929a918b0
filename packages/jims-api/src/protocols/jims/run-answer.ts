// How routes read which run is meant, and answer with one.
import type { Run, RunRecord } from 'jims-core';
import * as v from 'valibot';

import { runHeaders } from '../../chat/answer-run.ts';
import { viewOf } from '../../chat/visibility.ts';
import { mayReach } from '../../http/contact.ts';
import { notFound } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonOrPieces } from '../../http/json-answer.ts';
import { inPath, inQuery } from '../../http/parameters.ts';
import { addressOf } from '../../http/public-address.ts';
import { uuidInPath, wordsIn } from '../../http/query.ts';
import type { ApiContext, Call, Parameter, ResponseDoc } from '../../http/route.ts';
import { RUN_INCLUDES, RunResource, runResource } from './resources.ts';
import type { RunInclude } from './resources.ts';

const NO_INCLUDES: ReadonlySet<RunInclude> = new Set();

export const RUN_ID: Parameter = inPath('run_id', 'The run');

export const INCLUDE: Parameter = inQuery(
  'include',
  'More in its result: `usage`, the models that were used',
  v.picklist(RUN_INCLUDES),
);

/** 202: the run was accepted. */
export const ACCEPTED: ResponseDoc = {
  description: 'Accepted; the header `location` has the address of the run',
  schema: RunResource,
};

export function runIncludesIn(call: Call): ReadonlySet<RunInclude> {
  return wordsIn(call, 'include', RUN_INCLUDES) ?? NO_INCLUDES;
}

export function runAnswer(
  call: Call,
  record: RunRecord,
  {
    include,
    status = 200,
  }: { readonly include: ReadonlySet<RunInclude>; readonly status?: number },
): Response {
  return jsonOrPieces(call, runResource(record, { ...viewOf(call.principal), include }), status);
}

/** 202 with a run that was accepted, and where to look for its end. */
export async function acceptedAnswer(
  api: ApiContext,
  call: Call,
  { run, include }: { readonly run: Run; readonly include: ReadonlySet<RunInclude> },
): Promise<Response> {
  const record = await api.app.runs.record(run.id);
  if (!record) throw runNotFound(run.id);
  const headers = {
    ...call.headers,
    ...runHeaders(run),
    location: addressOf(api, `/api/v1/runs/${run.id}`),
  };
  return runAnswer({ ...call, headers }, record, { include, status: 202 });
}

/**
 * The run that the path names.
 *
 * @throws HttpError 404 when it does not exist, or is not the caller's.
 */
export async function reachableRun(api: ApiContext, call: Call): Promise<RunRecord> {
  const runId = uuidInPath(call, 'run_id');
  const record = await api.app.runs.record(runId);
  if (record && mayReach(api, call, record.thread)) return record;
  throw runNotFound(runId);
}

export function runNotFound(runId: string): HttpError {
  return notFound(`Run '${runId}' not found`);
}
