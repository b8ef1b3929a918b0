import type { JsonObject, Run } from 'jims-core';
import * as v from 'valibot';

import { CONTACT_HEADER_CODES } from '../../http/contact.ts';
import { errorBody, errorOptions } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import { json } from '../../http/json-answer.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, RefusedCall, Route, RunFrames } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import {
  methodNotFound,
  readRpc,
  refusedRpc,
  rpcError,
  rpcFailure,
  rpcResult,
} from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { taskBefore } from './chain.ts';
import { decodeSend, decodeTask } from './decode.ts';
import { withExtensions } from './extensions.ts';
import { A2A_CODES, bodyOf, detailsOf, unsupported, versionOf } from './failures.ts';
import { LEGACY_METHODS, fromLegacy, legacyTask, toLegacy } from './legacy.ts';
import { decodeList } from './list-request.ts';
import { listTasks } from './list-tasks.ts';
import {
  createPushConfig,
  deletePushConfig,
  getPushConfig,
  listPushConfigs,
} from './push/push-methods.ts';
import { sendMessage, streamMessage } from './send.ts';
import { subscribeToTask } from './subscribe.ts';
import { taskRun } from './task-run.ts';
import { EXAMPLE_TASK, activeTask } from './task.ts';
import type { Answered, ToFrame } from './tasks.ts';
import { cancelTask, framesOf, getTask } from './tasks.ts';

const RpcBody = titled('A2ARequest', {
  jsonrpc: v.literal('2.0'),
  id: v.union([v.string(), v.number()]),
  method: described(
    v.string(),
    'SendMessage, SendStreamingMessage, GetTask, ListTasks, CancelTask, SubscribeToTask, or a method of push notification configs',
  ),
  params: v.optional(v.looseObject({})),
});

/** A2A 1.0 over JSON-RPC, and 0.3 for clients that call its methods. */
export const rpcRoute: Route = route.post(
  '/a2a',
  answerRpc,
  {
    operationId: 'a2a',
    summary: 'Agent2Agent over JSON-RPC: 1.0, and the methods of 0.3',
    tags: ['a2a'],
    request: RpcBody,
    responses: {
      200: {
        description: 'A result or an error of JSON-RPC; a stream of them for the streaming methods',
        example: { jsonrpc: '2.0', id: 1, result: { task: EXAMPLE_TASK } },
      },
    },
    errors: [400, 401, 413, 429, 503],
  },
  { encodeError: refuseRpc },
);

/** One request of the JSON-RPC binding, decoded. */
interface RpcRequest {
  readonly id: RpcId;
  readonly params: JsonObject;
  /** Spoken in A2A 0.3. */
  readonly legacy: boolean;
}

type Method = (api: ApiContext, call: Call, request: RpcRequest) => Promise<Response>;

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['SendMessage', whole(sendMessage, (task) => ({ task }))],
  ['GetTask', whole(getTask, (task) => task)],
  ['CancelTask', whole(cancelTask, (task) => task)],
  ['SendStreamingMessage', streamed(streamMessage)],
  ['SubscribeToTask', streamed(subscribeToTask)],
  ['ListTasks', list],
  ['CreateTaskPushNotificationConfig', plain(createPushConfig)],
  ['GetTaskPushNotificationConfig', plain(getPushConfig)],
  ['ListTaskPushNotificationConfigs', plain(listPushConfigs)],
  ['DeleteTaskPushNotificationConfig', plain(deletePushConfig)],
  ['GetExtendedAgentCard', refused(unsupported.extendedCard)],
]);

const DECODERS: ReadonlyMap<string, (params: unknown) => unknown> = new Map<
  string,
  (params: unknown) => unknown
>([
  ['SendMessage', decodeSend],
  ['SendStreamingMessage', decodeSend],
  ['GetTask', decodeTask],
  ['CancelTask', decodeTask],
  ['SubscribeToTask', decodeTask],
  ['ListTasks', decodeList],
]);

async function answerRpc(api: ApiContext, call: Call): Promise<Response> {
  const { id, method, params } = readRpc(await bodyOf(call));
  const known = LEGACY_METHODS.get(method);
  const legacy = known !== undefined;
  const version = versionOf(call, ['1.0', '0.3']);
  const answer = METHODS.get(known ?? method);
  if (!answer || (version && (version === '0.3') !== legacy)) throw methodNotFound(method);
  const read = legacy ? fromLegacy(params) : params;
  // Faults of the params are reported first: they help more.
  if (id === undefined) {
    DECODERS.get(known ?? method)?.(read);
    throw rpcFailure('invalid_request', 'A request needs an id');
  }
  return answer(api, withExtensions(call), { id, params: read, legacy });
}

/** A wrong key is a plain HTTP error. Errors that A2A or JSON-RPC has a code for come with 200, as clients expect. */
async function refuseRpc(error: HttpError, call: RefusedCall): Promise<Response> {
  const { status, code = '' } = error;
  const isHttp = status === 401 || status === 405 || CONTACT_HEADER_CODES.has(code);
  if (isHttp) return json(call, errorBody(error), status);
  const isClients = status === 400 || status === 404 || status === 422;
  const { id } = await refusedRpc(call.body);
  const { error: refusal, ...answer } = rpcError(id, error, A2A_CODES);
  const body = { ...answer, error: { ...refusal, data: detailsOf(error) } };
  return json(call, body, isClients ? 200 : status);
}

async function list(api: ApiContext, call: Call, { id, params }: RpcRequest): Promise<Response> {
  return json(call, rpcResult(id, await listTasks(api, call, params)));
}

function whole(
  action: (api: ApiContext, call: Call, params: unknown) => Promise<Answered>,
  encode: (task: Answered['task']) => object,
): Method {
  return async (api, call, { id, params, legacy }) => {
    const { task, headers } = await action(api, call, params);
    const result = legacy ? legacyTask(task) : encode(task);
    return json({ headers: { ...call.headers, ...headers } }, rpcResult(id, result));
  };
}

function streamed(
  action: (
    api: ApiContext,
    call: Call,
    options: { readonly params: unknown; readonly toFrame: ToFrame },
  ) => Promise<Response>,
): Method {
  return (api, call, { id, params, legacy }) => {
    const toFrame: ToFrame = (response) => ({
      data: jsonText(rpcResult(id, legacy ? toLegacy(response) : response)),
    });
    return action(api, call, { params, toFrame });
  };
}

/** A method with its own forms of both versions. */
function plain(
  action: (api: ApiContext, call: Call, request: RpcRequest) => Promise<object | null>,
): Method {
  return async (api, call, request) =>
    json(call, rpcResult(request.id, await action(api, call, request)));
}

/** A run as the stream of `SendStreamingMessage`, when that has the id 1. */
export async function wire(api: ApiContext, call: Call, run: Run): Promise<RunFrames> {
  const record = await api.app.runs.record(run.id);
  const task = { ...(await taskBefore(api, run.id)), thread: run.thread };
  const of = taskRun(api, call, task, record?.incoming);
  const begin = { task: activeTask(of, 'queued', {}) };
  const view = errorOptions(api, call);
  return framesOf(api, run, { task: { begin, of }, view, toFrame: toFirstFrame });
}

const toFirstFrame: ToFrame = (response) => ({ data: jsonText(rpcResult(1, response)) });

function refused(refuse: () => never): Method {
  return async () => refuse();
}
