import { runHeaders, startRun, streamRun } from '../../chat/run-routes.ts';
import type { RunAsk } from '../../chat/run-routes.ts';
import { isActive, statusOf } from '../../chat/run-status.ts';
// How a message becomes a task.
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';
import { contextIdOf, threadOfContext } from './contexts.ts';
import { decodeSend } from './decode.ts';
import type { Sending } from './decode.ts';
import { failure } from './failures.ts';
import { requireTask } from './reach.ts';
import { framesOf, requireOver } from './task-end.ts';
import type { Answered, ToFrame } from './task-end.ts';
import { activeTask, endedTask, taskRun } from './task.ts';

/** SendMessage: the task when it is over, or at once when the client does not wait. */
export async function sendMessage(api: ApiContext, call: Call, params: unknown): Promise<Answered> {
  const sending = decodeSend(params);
  const ask = await askOf(api, call, sending);
  const run = await startRun(api, withParams(call, params), ask);
  const of = taskRun(call, run, ask.incoming);
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
    const of = taskRun(call, run, ask.incoming);
    const first = activeTask(of, 'queued', sending);
    return framesOf(api, run, { task: { first, of }, view: { requestId, exposeErrors }, toFrame });
  });
}

async function askOf(api: ApiContext, call: Call, sending: Sending): Promise<RunAsk> {
  const named = contactOf(call, contactInQuery(call) ?? sending.contactId);
  const contactId = named ?? nobody(`a2a:${call.principal.id}`);
  if (sending.taskId !== undefined) await refuseTask(api, call, sending, sending.taskId);
  return {
    thread: threadOfContext(contactId, sending.contextId),
    incoming: sending.question,
    onDisconnect: 'continue',
  };
}

/** A run takes one message: a task that is named can only be one that takes no more. */
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

/** The same message sent again is the same run, whatever the binding wraps it in. */
function withParams(call: Call, params: unknown): Call {
  return { ...call, path: '/a2a', body: async () => params };
}
