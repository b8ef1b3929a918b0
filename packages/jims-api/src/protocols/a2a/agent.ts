// What an A2A client can ask for, whatever binding it speaks.
import type { Run, RunEnd, RunRecord } from 'jims-core';

import { HttpError } from '../../http/errors.ts';
import { rpcFailure } from '../../http/json-rpc.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import {
  contactHeader,
  contactOf,
  runHeaders,
  startRun,
  streamFrames,
  streamRun,
} from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { statusOf } from '../../http/run-status.ts';
import type { SseFrame } from '../../http/sse-text.ts';
import { userEvent } from '../../http/user-text.ts';
import { canonicalUuid } from '../../http/uuid.ts';
import { contextIdOf, threadOfContext } from './contexts.ts';
import { decodeSend, decodeTask } from './decode.ts';
import type { Sending } from './decode.ts';
import { taskUpdates } from './encode.ts';
import { failure } from './failures.ts';
import { activeTask, endedTask } from './task.ts';
import type { TaskRun } from './task.ts';
import type { StreamResponse, Task } from './wire.ts';

/** A task, and the headers that name its run. */
export interface Answered {
  readonly task: Task;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a binding puts an event of a stream into a frame. */
export type ToFrame = (response: StreamResponse) => SseFrame;

/** SendMessage: the task when it is over, or at once when the client does not wait. */
export async function sendMessage(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const sending = decodeSend(params);
  const ask = await askOf(api, call, sending);
  const run = await startRun(api, withParams(call, params), ask);
  const of = { id: run.id, thread: run.thread, question: ask.incoming };
  const headers = runHeaders(run);
  const { historyLength } = sending;
  if (!sending.wait) {
    const record = await api.app.runRecord(run.id);
    const status = record && statusOf(record);
    if (status === 'queued' || status === 'running') {
      return { task: activeTask(of, status, { historyLength }), headers };
    }
  }
  const end = await run.end;
  if (!(await isOver(api, run.id, end))) throw goesOnElsewhere();
  const { requestId } = call;
  const { exposeErrors } = api;
  return { task: endedTask(of, end, { historyLength, requestId, exposeErrors }), headers };
}

/** SendStreamingMessage. Who leaves the stream does not stop the task. */
export async function streamMessage(
  api: ApiContext,
  call: Call,
  { params, toFrame }: { readonly params: unknown; readonly toFrame: ToFrame },
): Promise<Response> {
  const sending = decodeSend(params);
  const ask = await askOf(api, call, sending);
  const { requestId } = call;
  const { exposeErrors } = api;
  return streamRun(api, withParams(call, params), ask, (run) => {
    const of = { id: run.id, thread: run.thread, question: ask.incoming };
    const first = activeTask(of, 'queued', sending);
    return framesOf(api, run, { task: { first, of }, view: { requestId, exposeErrors }, toFrame });
  });
}

/** GetTask: rebuilt from what is kept of the run. */
export async function getTask(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const { id, historyLength } = decodeTask(params);
  return taskOf(api, await reachable(api, call, id), historyLength);
}

/** CancelTask: the task, stopped. */
export async function cancelTask(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const { id, historyLength } = decodeTask(params);
  const record = await reachable(api, call, id);
  const { runId, thread } = record;
  const run = await api.app.run(runId);
  const status = await api.app.cancelRun(runId);
  if (!run || (status !== 'queued' && status !== 'running')) throw notCancelable(id);
  const end = await run.end;
  if (end.type !== 'cancelled') throw notCancelable(id);
  if (!(await isOver(api, runId, end))) throw goesOnElsewhere();
  const of = { id: runId, thread, question: record.incoming };
  const headers = runHeaders({ id: runId, thread, replayed: false });
  return { task: endedTask(of, end, { historyLength, exposeErrors: api.exposeErrors }), headers };
}

/** SubscribeToTask: the task as it is, then what happens, from the task's beginning. */
export async function subscribeToTask(
  api: ApiContext,
  call: Call,
  { params, toFrame }: { readonly params: unknown; readonly toFrame: ToFrame },
): Promise<Response> {
  const { id } = decodeTask(params);
  const record = await reachable(api, call, id);
  const status = statusOf(record);
  const run = await api.app.run(record.runId);
  if (!run || (status !== 'queued' && status !== 'running')) {
    throw failure('unsupported_operation', `Task '${id}' is over: get it instead`);
  }
  const leave = api.streams.enter();
  const of = { id: run.id, thread: run.thread, question: record.incoming };
  const first = activeTask(of, status, { at: record.startedAt ?? record.acceptedAt });
  const { exposeErrors } = api;
  const frames = framesOf(api, run, { task: { first, of }, view: { exposeErrors }, toFrame });
  const headers = { ...call.headers, ...runHeaders(run) };
  return streamFrames(api, { ...call, headers }, frames, { leave });
}

async function askOf(api: ApiContext, call: Call, sending: Sending): Promise<RunAsk> {
  const named = sending.contactId ?? contactHeader(call);
  const contactId = contactOf(call, named) ?? `a2a:${call.principal.id}`;
  if (sending.taskId !== undefined) await refuseTask(api, call, sending, sending.taskId);
  return {
    thread: await threadOfContext(api.app, contactId, sending.contextId),
    incoming: userEvent(sending.text),
    onDisconnect: 'continue',
  };
}

/** A run takes one message: a task that is named can only be one that takes no more. */
async function refuseTask(
  api: ApiContext,
  call: Call,
  { contextId }: Sending,
  taskId: string,
): Promise<never> {
  const record = await reachable(api, call, taskId);
  if (contextId !== undefined && contextId !== contextIdOf(record.thread)) {
    throw rpcFailure('invalid_params', `Task '${taskId}' is not of context '${contextId}'`);
  }
  throw failure(
    'unsupported_operation',
    `Task '${taskId}' takes no more messages: send it with its contextId alone`,
  );
}

async function taskOf(
  { app, exposeErrors }: ApiContext,
  record: RunRecord,
  historyLength: number | undefined,
): Promise<Answered> {
  const { runId: id, thread, incoming: question } = record;
  const status = statusOf(record);
  const of: TaskRun = { id, thread, question };
  const headers = runHeaders({ id, thread, replayed: false });
  if (status === 'queued' || status === 'running') {
    const at = record.startedAt ?? record.acceptedAt;
    return { task: activeTask(of, status, { at, historyLength }), headers };
  }
  const run = await app.run(id);
  if (!run) throw taskNotFound(id);
  const view = { at: record.finishedAt, historyLength, exposeErrors };
  return { task: endedTask(of, await run.end, view), headers };
}

async function reachable({ app }: ApiContext, call: Call, id: string): Promise<RunRecord> {
  const runId = canonicalUuid(id);
  const record = runId === undefined ? undefined : await app.runRecord(runId);
  const { principal } = call;
  const own = principal.kind === 'service' || principal.contactId === record?.thread.contactId;
  if (record && own) return record;
  throw taskNotFound(id);
}

async function* framesOf(
  api: ApiContext,
  run: Run,
  {
    task,
    view,
    toFrame,
  }: {
    readonly task: Parameters<typeof taskUpdates>[1];
    readonly view: { readonly requestId?: string; readonly exposeErrors: boolean };
    readonly toFrame: ToFrame;
  },
): AsyncGenerator<SseFrame, void, void> {
  const over = (end: RunEnd): Promise<boolean> => isOver(api, run.id, end);
  for await (const response of taskUpdates(run, task, { view, isOver: over })) {
    yield toFrame(response);
  }
}

/** A process that shuts down stops listening to the runs of others, which go on. */
async function isOver({ app }: ApiContext, runId: string, end: RunEnd): Promise<boolean> {
  if (end.type !== 'cancelled' || end.reason !== 'shutting_down') return true;
  return (await app.runRecord(runId))?.finishedAt !== undefined;
}

/** The same message sent again is the same run, whatever the binding wraps it in. */
function withParams(call: Call, params: unknown): Call {
  return { ...call, path: '/a2a', body: async () => params };
}

function goesOnElsewhere(): HttpError {
  const message = 'The service is shutting down: the task goes on, get it again';
  return new HttpError(503, message, { code: 'shutting_down', headers: { 'retry-after': '1' } });
}

function taskNotFound(id: string): HttpError {
  return failure('task_not_found', `Task '${id.slice(0, 100)}' not found`);
}

function notCancelable(id: string): HttpError {
  return failure('task_not_cancelable', `Task '${id}' is over already`);
}
