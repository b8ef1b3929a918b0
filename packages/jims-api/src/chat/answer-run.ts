import type { CancelReason, JimsError, Run, RunEnd, RunResult } from 'jims-core';

import { toHttpError, unavailableText } from '../http/error-response.ts';
import { HttpError } from '../http/errors.ts';
import { jsonOrPieces } from '../http/json-answer.ts';
import type { ApiContext, Call } from '../http/route.ts';
import { startRun } from './start-run.ts';
import type { ClientRunRequest } from './start-run.ts';

/** Starts a run and answers with its result, as a protocol writes it. */
export async function answerRun(
  api: ApiContext,
  call: Call,
  request: ClientRunRequest,
  encode: (run: Run, result: RunResult) => object | Promise<object>,
): Promise<Response> {
  const { run } = await startRun(api, call, request);
  const result = await resultOfRun(api, call, run);
  return jsonOrPieces(
    { headers: { ...call.headers, ...runHeaders(run) } },
    await encode(run, result),
  );
}

/** The result of a run. @throws HttpError that is answered with the headers that name the run. */
export async function resultOfRun(
  { exposeErrors }: Pick<ApiContext, 'exposeErrors'>,
  { requestId }: Pick<Call, 'requestId'>,
  run: Run,
): Promise<RunResult> {
  const end = await run.end;
  try {
    return resultOf(end);
  } catch (error) {
    const failure = toHttpError(error, { requestId, exposeErrors });
    const { status, detail, code, cause, hasRun } = failure;
    const headers = { ...failure.headers, ...runHeaders(run) };
    throw new HttpError(status, detail, { code, cause, hasRun, headers });
  }
}

/** The headers that name a run and its thread, on every answer that has one. */
export function runHeaders({
  id,
  thread,
  replayed,
}: Pick<Run, 'id' | 'thread' | 'replayed'>): Record<string, string> {
  return {
    'x-jims-run-id': id,
    'x-jims-thread-id': thread.id,
    ...(replayed && { 'idempotency-replayed': 'true' }),
  };
}

/** @throws JimsError, HttpError when the run has no result. */
export function resultOf(end: RunEnd): RunResult {
  if (end.type === 'result') return end.result;
  throw reasonOf(end);
}

/** Why a run has no result: to be thrown, or sent in a stream. */
export function reasonOf(end: Exclude<RunEnd, { readonly type: 'result' }>): Error {
  if (end.type === 'error') {
    return end.error.code === 'store_unavailable' ? unstored(end.error) : end.error;
  }
  const { reason, goesOn = false } = end;
  if (isWanted(reason)) return new HttpError(409, 'The run was cancelled', { code: 'cancelled' });
  const text = goesOn ? GOES_ON : AGAIN[reason];
  const headers = { 'retry-after': '1' };
  return new HttpError(503, text, { code: reason, headers, hasRun: goesOn });
}

/** The pipeline may have run, and how that ended could not be stored. */
function unstored(cause: JimsError): HttpError {
  const { code } = cause;
  const headers = { 'retry-after': '1' };
  return new HttpError(503, unavailableText(cause), { code, headers, cause, hasRun: true });
}

/** Whether somebody wanted the run to stop: else its partial answer must not be taken for the whole one. */
export function isWanted(
  reason: CancelReason,
): reason is Exclude<CancelReason, keyof typeof AGAIN> {
  return reason === 'cancelled' || reason === 'interrupted';
}

const GOES_ON =
  'The run goes on in another process: its answer comes into the thread. Send the request again only with the Idempotency-Key that it had';
const AGAIN = {
  disconnected: 'The client that started the run left, so it was stopped: send it again',
  shutting_down: 'The service is shutting down: send it again',
} as const;
