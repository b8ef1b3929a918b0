// How a message becomes a task.
import { isJimsError, newEvent, newId } from 'jims-core';
import type { Run, RunThread } from 'jims-core';

import { runHeaders } from '../../chat/answer-run.ts';
import { externalIdIn } from '../../chat/external-ids.ts';
import { questionNow } from '../../chat/questions.ts';
import { chainOf } from '../../chat/run-chain.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { startRun } from '../../chat/start-run.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { streamRun } from '../../chat/stream-run.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { errorOptions } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { rpcFailure } from '../json-rpc.ts';
import { lastQuestion, taskBefore } from './chain.ts';
import { decodeSend } from './decode.ts';
import type { Sending } from './decode.ts';
import { failure } from './failures.ts';
import { pushConfigOfMessage } from './push/push-methods.ts';
import { PROTOCOL, contextIdOf, taskRun } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import { activeTask, endedTask } from './task.ts';
import { framesOf, requireOver, requireTask, taskOf } from './tasks.ts';
import type { Answered, ToFrame } from './tasks.ts';

/** PostgreSQL's indexes have a limit. */
const MAX_CONTEXT_ID = 512;
const THREAD_CONFIG = { interface: 'a2a' };

/** SendMessage: the task when it is over or waits, or at once when the client does not wait. */
export async function sendMessage(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const sending = decodeSend(params);
  const request = await requestOf(api, call, sending);
  const keepPush = await pushConfigOfMessage(api, call, sending);
  const { run } = await orUnsupported(request, () =>
    startRun(api, withParams(call, params), request),
  );
  const of = await taskWith(api, call, { run, request });
  await keepPush?.(of.id);
  const headers = runHeaders(run);
  const { historyLength } = sending;
  if (!sending.wait) {
    const record = await api.app.runs.record(run.id);
    const status = record && statusOf(record);
    if (isActive(status)) {
      return { task: activeTask(of, status, { historyLength }), headers };
    }
  }
  const end = await run.end;
  await requireOver(api, run.id, end);
  const first = run.replayed ? await api.app.runs.record(of.id) : undefined;
  if (first) return taskOf(api, call, { chain: await chainOf(api, first), historyLength });
  const view = { historyLength, ...errorOptions(api, call) };
  return { task: endedTask(of, end, view), headers };
}

/** SendStreamingMessage: the task as a stream; a client that leaves does not stop the task. */
export async function streamMessage(
  api: ApiContext,
  call: Call,
  { params, toFrame }: { readonly params: unknown; readonly toFrame: ToFrame },
): Promise<Response> {
  const sending = decodeSend(params);
  const request = await requestOf(api, call, sending);
  const keepPush = await pushConfigOfMessage(api, call, sending);
  const view = errorOptions(api, call);
  const encode = async (run: Run): Promise<AsyncIterable<SseFrame>> => {
    const of = await taskWith(api, call, { run, request });
    await keepPush?.(of.id);
    const begin = { task: activeTask(of, 'queued', sending) };
    const question = run.replayed ? await questionNow(api.app, run) : undefined;
    return framesOf(api, run, { task: { begin, of }, view: { ...view, question }, toFrame });
  };
  return orUnsupported(request, () => streamRun(api, withParams(call, params), request, encode));
}

/** The task that a message has begun, or goes on with. */
async function taskWith(
  api: ApiContext,
  call: Call,
  { run, request }: { readonly run: Run; readonly request: ClientRunRequest },
): Promise<TaskRun> {
  const { thread } = run;
  const isNew = run.createdThread && !run.replayed;
  const task = isNew ? { id: run.id, earlier: [] } : await taskBefore(api, run.id);
  // The files that came with it were stored meanwhile.
  const stored = request.sentFiles?.length ? await api.app.runs.record(run.id) : undefined;
  return taskRun(api, call, { ...task, thread }, stored?.incoming ?? request.incoming);
}

async function requestOf(api: ApiContext, call: Call, sending: Sending): Promise<ClientRunRequest> {
  const named = contactOf(call, contactInQuery(call) ?? sending.contactId);
  const contactId = named ?? nobody(`a2a:${call.principal.id}`);
  if (sending.taskId !== undefined) return answerTo(api, call, sending, sending.taskId);
  return {
    thread: threadOfContext(contactId, sending.contextId),
    incoming: sending.question,
    sentFiles: sending.sentFiles,
    onDisconnect: 'continue',
  };
}

/**
 * A message to a named task: the answer to its question. Whether that is open is decided when the run is
 * accepted, as the message may be the one that answered it, sent again.
 */
async function answerTo(
  api: ApiContext,
  call: Call,
  { contextId, contactId, sentFiles, question: { type, data } }: Sending,
  taskId: string,
): Promise<ClientRunRequest> {
  const record = await requireTask(api, call, { id: taskId, contactId });
  if (contextId !== undefined && contextId !== contextIdOf(record.thread)) {
    throw rpcFailure('invalid_params', `Task '${taskId}' is not of context '${contextId}'`);
  }
  const question = lastQuestion(await chainOf(api, record));
  if (!question) throw takesNoMessage();
  const { questionId } = question;
  return {
    thread: { kind: 'thread', threadId: record.thread.id },
    incoming: newEvent(type, { ...data, question_id: questionId }),
    sentFiles,
    answer: { kind: 'question', questionId, audience: 'contact' },
    onDisconnect: 'continue',
  };
}

/** A message to a task that waits for none is an operation that it does not support. */
async function orUnsupported<T>({ answer }: ClientRunRequest, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const isClosed = isJimsError(error) && CLOSED.has(error.code);
    throw answer && isClosed ? takesNoMessage() : error;
  }
}

const CLOSED: ReadonlySet<string> = new Set(['question_closed', 'question_expired']);

function takesNoMessage(): HttpError {
  const reason = 'The task does not wait for a message: send it with its contextId alone';
  return failure('unsupported_operation', reason);
}

/** The call with the params as its body: the same message is the same run, in either binding. */
function withParams(call: Call, params: unknown): Call {
  return { ...call, path: '/a2a', body: async () => params };
}

/**
 * The thread for a message: the one of its context, which is made with the run when the context is new.
 * Without a context it is a new thread, whose id names the context.
 *
 * @throws HttpError `invalid_params` for a context that cannot be the contact's.
 */
function threadOfContext(contactId: string, contextId: string | undefined): RunThread {
  const beginning = { contactId, threadConfig: THREAD_CONFIG, events: [] };
  if (contextId === undefined) {
    const threadId = newId();
    return { kind: 'new', threadId, externalId: externalIdIn(PROTOCOL, threadId), ...beginning };
  }
  if (contextId.length > MAX_CONTEXT_ID) {
    throw rpcFailure('invalid_params', 'The contextId is too long');
  }
  return { kind: 'external', externalId: externalIdIn(PROTOCOL, contextId), ...beginning };
}
