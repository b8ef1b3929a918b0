import type { QuestionRecord, RunRecord } from 'jims-core';

import { runHeaders } from '../../chat/answer-run.ts';
import { closedQuestion } from '../../chat/question-closed.ts';
import { chainOf } from '../../chat/run-chain.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { openStream } from '../../chat/stream-run.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { openQuestion, taskBefore } from './chain.ts';
import { decodeTask } from './decode.ts';
import type { TaskRequest } from './decode.ts';
import { failure } from './failures.ts';
import { taskRun } from './task-run.ts';
import { activeTask } from './task.ts';
import { framesOf, requireTask, taskOf } from './tasks.ts';
import type { ToFrame } from './tasks.ts';
import type { StreamResponse, Task } from './wire.ts';

/**
 * SubscribeToTask: the task as it is now, then what happens, until the task is over or asks its user. The
 * events of its newest run come from their beginning. One that waits already goes on with the answer.
 */
export async function subscribeToTask(
  api: ApiContext,
  call: Call,
  { params, toFrame }: { readonly params: unknown; readonly toFrame: ToFrame },
): Promise<Response> {
  const request = decodeTask(params);
  const chain = await chainOf(api, await requireTask(api, call, request));
  const { newest } = chain;
  const run = await api.app.runs.find(newest.runId);
  const open = openQuestion(chain);
  if (!run || !(open || isActive(statusOf(newest)))) {
    throw failure('unsupported_operation', `Task '${request.id}' is over: get it instead`);
  }
  const gone = new AbortController();
  const feed = { api, call, request, toFrame, signal: gone.signal };
  async function* frames(): AsyncGenerator<SseFrame, void, void> {
    let question = open;
    if (question) yield toFrame(await taskNow(feed));
    else question = yield* framesOfRun(feed, newest, (task) => ({ task }));
    while (question) question = yield* framesAfter(feed, question);
  }
  return openStream(api, call, async () => ({
    headers: runHeaders(run),
    frames: frames(),
    onGone: run.attach('continue'),
    onClose: () => gone.abort(),
  }));
}

interface Feed {
  readonly api: ApiContext;
  readonly call: Call;
  readonly request: TaskRequest;
  readonly toFrame: ToFrame;
  /** Aborts when nobody reads any more. */
  readonly signal: AbortSignal;
}

async function taskNow({ api, call, request }: Feed): Promise<{ readonly task: Task }> {
  const { historyLength } = request;
  const chain = await chainOf(api, await requireTask(api, call, request));
  return { task: (await taskOf(api, call, { chain, historyLength })).task };
}

/** What comes of a question, once it is closed; returns the question to a service that comes next. */
async function* framesAfter(
  feed: Feed,
  question: QuestionRecord,
): AsyncGenerator<SseFrame, QuestionRecord | undefined, void> {
  const { api, toFrame, signal } = feed;
  const closed = await closedQuestion(api.app, question, signal);
  if (!closed) return undefined;
  const { answeredBy } = closed;
  const next = answeredBy === undefined ? undefined : await api.app.runs.record(answeredBy);
  if (next) return yield* framesOfRun(feed, next, beginningAgain);
  const { id: taskId, contextId, status, metadata } = (await taskNow(feed)).task;
  yield toFrame({ statusUpdate: { taskId, contextId, status, metadata } });
  return undefined;
}

/** A run from its beginning; returns the question to a service that it has ended with. */
async function* framesOfRun(
  { api, call, toFrame }: Feed,
  record: RunRecord,
  begin: (task: Task) => StreamResponse,
): AsyncGenerator<SseFrame, QuestionRecord | undefined, void> {
  const { runId, thread, incoming, startedAt, acceptedAt } = record;
  const run = await api.app.runs.find(runId);
  if (!run) return undefined;
  const of = taskRun(api, call, { ...(await taskBefore(api, runId)), thread }, incoming);
  const status = statusOf(record);
  const at = startedAt ?? acceptedAt;
  const task = activeTask(of, isActive(status) ? status : 'running', { at });
  const { exposeErrors } = api;
  yield* framesOf(api, run, { task: { begin: begin(task), of }, view: { exposeErrors }, toFrame });
  const end = await run.end;
  const question = end.type === 'result' ? end.result.question : undefined;
  return question?.audience === 'service' ? question : undefined;
}

function beginningAgain({ id: taskId, contextId, status }: Task): StreamResponse {
  return { statusUpdate: { taskId, contextId, status } };
}
