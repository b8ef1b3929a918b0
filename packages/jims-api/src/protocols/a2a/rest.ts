import * as v from 'valibot';

import { errorText } from '../../http/error-response.ts';
import { notFound } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import { json } from '../../http/json-answer.ts';
import { inPath } from '../../http/parameters.ts';
import { route } from '../../http/route.ts';
import type {
  ApiContext,
  Call,
  ErrorStatus,
  Parameter,
  RefusedCall,
  Route,
} from '../../http/route.ts';
import { SendParams } from './decode.ts';
import { withExtensions } from './extensions.ts';
import { bodyOf, detailsOf, statusName, unsupported, versionOf } from './failures.ts';
import { LIST_PARAMETERS, listParamsIn } from './list-request.ts';
import { listTasks } from './list-tasks.ts';
import { sendMessage, streamMessage } from './send.ts';
import { subscribeToTask } from './subscribe.ts';
import { EXAMPLE_TASK } from './task.ts';
import type { ToFrame } from './tasks.ts';
import { cancelTask, getTask } from './tasks.ts';

const toFrame: ToFrame = (response) => ({ data: jsonText(response) });
/** A2A's own media type, for clients that use it: others may accept plain JSON only. */
const A2A_JSON = 'application/a2a+json';
const VERB = /^(?<id>.*):(?<verb>cancel|subscribe)$/s;

const tags = ['a2a'];
const errors: readonly ErrorStatus[] = [400, 401, 413, 429, 503];

const UPDATE = {
  statusUpdate: { taskId: EXAMPLE_TASK.id, contextId: 'chat-1', status: EXAMPLE_TASK.status },
};

const STREAM = {
  description: 'The task, then its updates up to the last one',
  contentType: 'text/event-stream',
  example: `data: ${JSON.stringify(UPDATE)}\n\n`,
};

function taskInPath(description: string): Parameter {
  return inPath('task', description, v.string());
}

/** A2A 1.0 over HTTP+JSON. */
export const restRoutes: readonly Route[] = [
  route.post('/a2a/rest/message:send', send, {
    operationId: 'a2a_send',
    summary: 'Agent2Agent over HTTP+JSON: send a message',
    tags,
    request: SendParams,
    responses: {
      200: { description: 'The task, after it has ended', example: { task: EXAMPLE_TASK } },
    },
    errors,
  }),
  route.post('/a2a/rest/message:stream', sendAndStream, {
    operationId: 'a2a_stream',
    summary: 'Agent2Agent over HTTP+JSON: send a message and follow the task',
    tags,
    request: SendParams,
    responses: { 200: STREAM },
    errors,
  }),
  route.get('/a2a/rest/tasks', list, {
    operationId: 'a2a_list_tasks',
    summary: 'Tasks, those that changed last first',
    tags,
    parameters: LIST_PARAMETERS,
    responses: {
      200: {
        description: 'A page of tasks',
        example: { tasks: [EXAMPLE_TASK], nextPageToken: '', pageSize: 50, totalSize: 1 },
      },
    },
    errors: [400, 401, 404, 429, 503],
  }),
  route.get('/a2a/rest/tasks/:task', getTaskOrStream, {
    operationId: 'a2a_get_task',
    summary: 'A task as it is now',
    tags,
    parameters: [taskInPath('The id of a task; followed by `:subscribe` for its stream')],
    responses: { 200: { description: 'The task', example: EXAMPLE_TASK } },
    errors: [400, 401, 404],
  }),
  route.post(
    '/a2a/rest/tasks/:task',
    changeTask,
    {
      operationId: 'a2a_change_task',
      summary: 'Stop a task or follow it',
      tags,
      parameters: [taskInPath('The id of a task, followed by `:cancel` or `:subscribe`')],
      responses: { 200: { description: 'The stopped task, or the stream', example: EXAMPLE_TASK } },
      errors: [400, 401, 404, 429, 503],
    },
    { bodyless: true },
  ),
  unsupportedRoute('GET', '/a2a/rest/extendedAgentCard', unsupported.extendedCard),
];

/** Answers with A2A's error for an operation that is not supported. */
function unsupportedRoute(method: Route['method'], path: string, handle: () => never): Route {
  return { method, path, handle };
}

async function send(api: ApiContext, given: Call): Promise<Response> {
  const call = begun(given);
  const { task, headers } = await sendMessage(api, call, await bodyOf(call));
  return answerJson(call, headers, { task });
}

async function sendAndStream(api: ApiContext, given: Call): Promise<Response> {
  const call = begun(given);
  return streamMessage(api, call, { params: await bodyOf(call), toFrame });
}

async function list(api: ApiContext, given: Call): Promise<Response> {
  const call = begun(given);
  return answerJson(call, {}, await listTasks(api, call, listParamsIn(call.query)));
}

/** The task; its stream for clients that subscribe by GET. */
async function getTaskOrStream(api: ApiContext, given: Call): Promise<Response> {
  const call = begun(given);
  const { id, verb } = verbOf(call);
  if (verb === 'subscribe') return subscribeToTask(api, call, { params: { id }, toFrame });
  if (verb !== undefined) throw notFound();
  const length = call.query.get('historyLength');
  const params = { id, ...(length !== null && { historyLength: Number(length) }) };
  const { task, headers } = await getTask(api, call, params);
  return answerJson(call, headers, task);
}

async function changeTask(api: ApiContext, given: Call): Promise<Response> {
  const call = begun(given);
  const { id, verb } = verbOf(call);
  if (verb === 'subscribe') return subscribeToTask(api, call, { params: { id }, toFrame });
  if (verb !== 'cancel') throw notFound();
  const { task, headers } = await cancelTask(api, call, { id });
  return answerJson(call, headers, task);
}

/** An error as google.rpc.Status has it. */
export function refuseRest(error: HttpError, call: RefusedCall): Response {
  const status = error.status === 422 ? 400 : error.status;
  const details = detailsOf(error);
  const body = {
    code: status,
    status: statusName(error),
    message: errorText(error),
    ...(details.length > 0 && { details }),
  };
  return json(call, { error: body }, status, mediaTypeFor(call));
}

/** Answers in the media type that the client uses. */
export function answerJson(
  call: Call,
  runHeaders: Readonly<Record<string, string>>,
  value: object,
): Response {
  return json({ headers: { ...call.headers, ...runHeaders } }, value, 200, mediaTypeFor(call));
}

function mediaTypeFor({ request }: Pick<Call, 'request'>): string | undefined {
  const used = ['accept', 'content-type'].map((name) => request.headers.get(name) ?? '');
  return used.some((types) => types.includes(A2A_JSON)) ? A2A_JSON : undefined;
}

/** @throws HttpError `version_not_supported`: this binding is of 1.0 alone. */
export function begun(call: Call): Call {
  versionOf(call, ['1.0']);
  return withExtensions(call);
}

function verbOf(call: Call): { readonly id: string; readonly verb: string | undefined } {
  const task = call.params['task'] ?? '';
  const { id = task, verb } = VERB.exec(task)?.groups ?? {};
  return { id, verb };
}
