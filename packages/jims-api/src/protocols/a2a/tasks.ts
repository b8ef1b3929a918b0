// The methods that name a task, and how tasks are answered and streamed to their end.
import type { Run, RunEnd, RunRecord } from 'jims-core';

import { runHeaders } from '../../chat/answer-run.ts';
import { chainOf } from '../../chat/run-chain.ts';
import type { RunChain } from '../../chat/run-chain.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { contactInQuery, mayReach } from '../../http/contact.ts';
import { HttpError } from '../../http/errors.ts';
import { SLOT, templateOf } from '../../http/fastapi/json-pieces.ts';
import type { JsonTemplate } from '../../http/fastapi/json-pieces.ts';
import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { decodeTask } from './decode.ts';
import { taskUpdates } from './encode.ts';
import { failure } from './failures.ts';
import { taskRun } from './task-run.ts';
import { activeTask, endedTask } from './task.ts';
import type { TaskView } from './task.ts';
import type { StreamResponse, Task } from './wire.ts';

/** A task, and the headers that name its run. */
export interface Answered {
  readonly task: Task;
  readonly headers: Readonly<Record<string, string>>;
}

/** Puts an event of a stream into a frame of the binding. */
export type ToFrame = (response: StreamResponse) => SseFrame;

/** GetTask: the task, from what is stored of its runs. */
export async function getTask(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const request = decodeTask(params);
  const chain = await chainOf(api, await requireTask(api, call, request));
  return taskOf(api, call, { chain, ...request });
}

/** CancelTask: the task, stopped. */
export async function cancelTask(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const request = decodeTask(params);
  const { id, historyLength } = request;
  const first = await requireTask(api, call, request);
  const { earlier, newest } = await chainOf(api, first);
  if (newest.question?.state === 'open') {
    await api.app.runs.cancel(newest.runId);
    const chain = await chainOf(api, await requireTask(api, call, request));
    if (chain.newest.question?.state !== 'withdrawn') throw notCancelable(id);
    return taskOf(api, call, { chain, historyLength });
  }
  const { runId, thread, incoming } = newest;
  const run = await api.app.runs.find(runId);
  const status = await api.app.runs.cancel(runId);
  if (!run || !isActive(status)) throw notCancelable(id);
  const end = await run.end;
  if (end.type !== 'cancelled') throw notCancelable(id);
  await requireOver(api, runId, end);
  const of = taskRun(api, call, { id: first.runId, thread, earlier }, incoming);
  const headers = runHeaders({ id: runId, thread, replayed: false });
  return { task: endedTask(of, end, { historyLength, exposeErrors: api.exposeErrors }), headers };
}

/** A task as it is now. */
export async function taskOf(
  api: ApiContext,
  call: Call,
  {
    chain: { earlier, newest },
    historyLength,
  }: { readonly chain: RunChain; readonly historyLength: number | undefined },
): Promise<Answered> {
  const { app, exposeErrors } = api;
  const { runId, chainId: id, thread, incoming } = newest;
  const status = statusOf(newest);
  const of = taskRun(api, call, { id, thread, earlier }, incoming);
  const headers = runHeaders({ id: runId, thread, replayed: false });
  if (isActive(status)) {
    const at = newest.startedAt ?? newest.acceptedAt;
    return { task: activeTask(of, status, { at, historyLength }), headers };
  }
  const run = await app.runs.find(runId);
  if (!run) throw taskNotFound(id);
  const view = { at: newest.finishedAt, question: newest.question, historyLength, exposeErrors };
  return { task: endedTask(of, await run.end, view), headers };
}

function notCancelable(id: string): HttpError {
  return failure('task_not_cancelable', `Task '${id}' is over already`);
}

/**
 * Finds the run that a task begins with. A service that names a contact reaches that contact's tasks only.
 *
 * @throws HttpError `task_not_found` also for a task that is not the caller's.
 */
export async function requireTask(
  api: ApiContext,
  call: Call,
  { id, contactId }: { readonly id: string; readonly contactId?: string | undefined },
): Promise<RunRecord> {
  const runId = canonicalUuid(id);
  const record = runId === undefined ? undefined : await api.app.runs.record(runId);
  const named = contactInQuery(call) ?? contactId;
  const begins = record?.continues === undefined;
  if (record && begins && mayReach(api, call, record.thread, named)) return record;
  throw taskNotFound(id);
}

function taskNotFound(id: string): HttpError {
  return failure('task_not_found', `Task '${id.slice(0, 100)}' not found`);
}

export async function* framesOf(
  api: ApiContext,
  run: Run,
  {
    task,
    view,
    toFrame,
  }: {
    readonly task: Parameters<typeof taskUpdates>[1];
    readonly view: TaskView;
    readonly toFrame: ToFrame;
  },
): AsyncGenerator<SseFrame, void, void> {
  const over = (end: RunEnd): Promise<boolean> => isOver(api, run.id, end);
  const write = withTemplates(toFrame);
  for await (const response of taskUpdates(run, task, { view, isOver: over })) {
    yield write(response);
  }
}

/** As `toFrame`, with a template for each artifact: nearly all of a stream are pieces of text. */
function withTemplates(toFrame: ToFrame): ToFrame {
  const templates = new Map<string, JsonTemplate>();
  return (response) => {
    const text = pieceIn(response);
    if (text === undefined || !('artifactUpdate' in response)) return toFrame(response);
    const { artifactUpdate } = response;
    const { artifactId } = artifactUpdate.artifact;
    let template = templates.get(artifactId);
    if (!template) {
      const artifact = { artifactId, parts: [{ text: SLOT }] };
      const { data } = toFrame({ artifactUpdate: { ...artifactUpdate, artifact } });
      template = templateOf(typeof data === 'string' ? data : [...data].join(''));
      templates.set(artifactId, template);
    }
    return { data: template(text) };
  };
}

/** The text of an update that is that of the others of its artifact but for this. */
function pieceIn(response: StreamResponse): string | undefined {
  if (!('artifactUpdate' in response)) return undefined;
  const { artifact, append, lastChunk } = response.artifactUpdate;
  const [part, ...others] = artifact.parts;
  const isPiece = append && !lastChunk && others.length === 0 && artifact.metadata === undefined;
  return isPiece && part && 'text' in part ? part.text : undefined;
}

/**
 * Requires that an end is the end of the run.
 *
 * @throws HttpError 503 when the run goes on, and this process stops listening to it.
 */
export async function requireOver(api: ApiContext, runId: string, end: RunEnd): Promise<void> {
  if (await isOver(api, runId, end)) return;
  const message = 'The service is shutting down: the task goes on, get it again';
  throw new HttpError(503, message, { code: 'shutting_down', headers: { 'retry-after': '1' } });
}

/** A process that shuts down stops listening to runs of other processes, which go on. */
async function isOver({ app }: ApiContext, runId: string, end: RunEnd): Promise<boolean> {
  if (end.type !== 'cancelled' || end.reason !== 'shutting_down') return true;
  return (await app.runs.record(runId))?.finishedAt !== undefined;
}
