import type { RunRecord } from 'jims-core';

import { runHeaders, streamJoined } from '../../chat/run-routes.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
// What can be asked of a task by its id.
import type { HttpError } from '../../http/errors.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { decodeTask } from './decode.ts';
import { failure } from './failures.ts';
import { requireTask, taskNotFound } from './reach.ts';
import { framesOf, requireOver } from './task-end.ts';
import type { Answered, ToFrame } from './task-end.ts';
import { activeTask, endedTask, taskRun } from './task.ts';

/** GetTask: rebuilt from what is kept of the run. */
export async function getTask(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const asked = decodeTask(params);
  return taskOf(api, call, { record: await requireTask(api, call, asked), ...asked });
}

/** CancelTask: the task, stopped. */
export async function cancelTask(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const asked = decodeTask(params);
  const { id, historyLength } = asked;
  const record = await requireTask(api, call, asked);
  const { runId, thread } = record;
  const run = await api.app.runs.find(runId);
  const status = await api.app.runs.cancel(runId);
  if (!run || !isActive(status)) throw notCancelable(id);
  const end = await run.end;
  if (end.type !== 'cancelled') throw notCancelable(id);
  await requireOver(api, runId, end);
  const of = taskRun(call, { id: runId, thread }, record.incoming);
  const headers = runHeaders({ id: runId, thread, replayed: false });
  return { task: endedTask(of, end, { historyLength, exposeErrors: api.exposeErrors }), headers };
}

/** SubscribeToTask: the task as it is, then what happens, from the task's beginning. */
export async function subscribeToTask(
  api: ApiContext,
  call: Call,
  { params, toFrame }: { readonly params: unknown; readonly toFrame: ToFrame },
): Promise<Response> {
  const asked = decodeTask(params);
  const { id } = asked;
  const record = await requireTask(api, call, asked);
  const status = statusOf(record);
  const run = await api.app.runs.find(record.runId);
  if (!run || !isActive(status)) {
    throw failure('unsupported_operation', `Task '${id}' is over: get it instead`);
  }
  const of = taskRun(call, run, record.incoming);
  const first = activeTask(of, status, { at: record.startedAt ?? record.acceptedAt });
  const { exposeErrors } = api;
  return streamJoined(api, call, run, () =>
    framesOf(api, run, { task: { first, of }, view: { exposeErrors }, toFrame }),
  );
}

async function taskOf(
  { app, exposeErrors }: ApiContext,
  call: Call,
  {
    record,
    historyLength,
  }: { readonly record: RunRecord; readonly historyLength: number | undefined },
): Promise<Answered> {
  const { runId: id, thread, incoming: question } = record;
  const status = statusOf(record);
  const of = taskRun(call, { id, thread }, question);
  const headers = runHeaders({ id, thread, replayed: false });
  if (isActive(status)) {
    const at = record.startedAt ?? record.acceptedAt;
    return { task: activeTask(of, status, { at, historyLength }), headers };
  }
  const run = await app.runs.find(id);
  if (!run) throw taskNotFound(id);
  const view = { at: record.finishedAt, historyLength, exposeErrors };
  return { task: endedTask(of, await run.end, view), headers };
}

function notCancelable(id: string): HttpError {
  return failure('task_not_cancelable', `Task '${id}' is over already`);
}
