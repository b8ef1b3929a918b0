// How a message becomes a task.
import { newId } from 'jims-core';
import type { RunThread } from 'jims-core';

import { runHeaders } from '../../chat/answer-run.ts';
import { externalIdIn } from '../../chat/external-ids.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
import { startRun } from '../../chat/start-run.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { streamRun } from '../../chat/stream-run.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';
import { decodeSend } from './decode.ts';
import type { Sending } from './decode.ts';
import { failure } from './failures.ts';
import { PROTOCOL, activeTask, contextIdOf, endedTask, taskRun } from './task.ts';
import { framesOf, requireOver, requireTask } from './tasks.ts';
import type { Answered, ToFrame } from './tasks.ts';

/** PostgreSQL's indexes have a limit. */
const MAX_CONTEXT_ID = 512;
const THREAD_CONFIG = { interface: 'a2a' };

/** SendMessage: the task when it is over, or at once when the client does not wait. */
export async function sendMessage(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const sending = decodeSend(params);
  const request = await requestOf(api, call, sending);
  const { run } = await startRun(api, withParams(call, params), request);
  const of = taskRun(call, run, request.incoming);
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
  const { requestId } = call;
  const { exposeErrors } = api;
  return { task: endedTask(of, end, { historyLength, requestId, exposeErrors }), headers };
}

/** SendStreamingMessage: the task as a stream; a client that leaves does not stop the task. */
export async function streamMessage(
  api: ApiContext,
  call: Call,
  { params, toFrame }: { readonly params: unknown; readonly toFrame: ToFrame },
): Promise<Response> {
  const sending = decodeSend(params);
  const request = await requestOf(api, call, sending);
  const { requestId } = call;
  const { exposeErrors } = api;
  return streamRun(api, withParams(call, params), request, (run) => {
    const of = taskRun(call, run, request.incoming);
    const first = activeTask(of, 'queued', sending);
    return framesOf(api, run, { task: { first, of }, view: { requestId, exposeErrors }, toFrame });
  });
}

async function requestOf(api: ApiContext, call: Call, sending: Sending): Promise<ClientRunRequest> {
  const named = contactOf(call, contactInQuery(call) ?? sending.contactId);
  const contactId = named ?? nobody(`a2a:${call.principal.id}`);
  if (sending.taskId !== undefined) await refuseTask(api, call, sending, sending.taskId);
  return {
    thread: threadOfContext(contactId, sending.contextId),
    incoming: sending.question,
    onDisconnect: 'continue',
  };
}

/** Refuses a message to a named task: a task is a run, and a run takes one message. */
async function refuseTask(
  api: ApiContext,
  call: Call,
  { contextId, contactId }: Sending,
  taskId: string,
): Promise<never> {
  const record = await requireTask(api, call, { id: taskId, contactId });
  if (contextId !== undefined && contextId !== contextIdOf(record.thread)) {
    throw rpcFailure('invalid_params', `Task '${taskId}' is not of context '${contextId}'`);
  }
  throw failure(
    'unsupported_operation',
    `Task '${taskId}' takes no more messages: send it with its contextId alone`,
  );
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
