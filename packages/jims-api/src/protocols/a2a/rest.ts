import { errorText } from '../../http/error-response.ts';
import { notFound } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call, RefusedCall } from '../../http/route.ts';
import { reasonOf, statusName } from './failures.ts';
import { sendMessage, streamMessage } from './send.ts';
import type { ToFrame } from './task-end.ts';
import { cancelTask, getTask, subscribeToTask } from './tasks.ts';
import { requireVersion } from './version.ts';

const toFrame: ToFrame = (response) => ({ data: jsonText(response) });
/** A media type of A2A's own, for clients that use it: others may know JSON by its plain name alone. */
const A2A_JSON = 'application/a2a+json';
const VERB = /^(?<id>.*):(?<verb>cancel|subscribe)$/s;

/** `POST /a2a/rest/message:send` */
export async function sendRest(api: ApiContext, call: Call): Promise<Response> {
  requireVersion(call);
  const { task, headers } = await sendMessage(api, call, await call.body());
  return answerJson(call, headers, { task });
}

/** `POST /a2a/rest/message:stream` */
export async function streamRest(api: ApiContext, call: Call): Promise<Response> {
  requireVersion(call);
  return streamMessage(api, call, { params: await call.body(), toFrame });
}

/** `GET /a2a/rest/tasks/{id}`, and `GET …:subscribe` as some clients send it. */
export async function getTaskRest(api: ApiContext, call: Call): Promise<Response> {
  const { id, verb } = verbOf(call);
  if (verb === 'subscribe') return subscribeToTask(api, call, { params: { id }, toFrame });
  if (verb !== undefined) throw notFound();
  const length = call.query.get('historyLength');
  const params = { id, ...(length !== null && { historyLength: Number(length) }) };
  const { task, headers } = await getTask(api, call, params);
  return answerJson(call, headers, task);
}

/** `POST /a2a/rest/tasks/{id}:cancel` and `POST /a2a/rest/tasks/{id}:subscribe` */
export async function postTaskRest(api: ApiContext, call: Call): Promise<Response> {
  const { id, verb } = verbOf(call);
  if (verb === 'subscribe') return subscribeToTask(api, call, { params: { id }, toFrame });
  if (verb !== 'cancel') throw notFound();
  const { task, headers } = await cancelTask(api, call, { id });
  return answerJson(call, headers, task);
}

/** An error as google.rpc.Status has it. */
export function refuseRest(error: HttpError, call: RefusedCall): Response {
  const status = error.status === 422 ? 400 : error.status;
  const reason = reasonOf(error);
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason,
    domain: 'a2a-protocol.org',
  };
  const body = {
    code: status,
    status: statusName(error),
    message: errorText(error),
    ...(reason !== undefined && { details: [info] }),
  };
  return json(call, { error: body }, status);
}

function answerJson(
  { request, headers }: Call,
  runHeaders: Readonly<Record<string, string>>,
  value: object,
): Response {
  const used = ['accept', 'content-type'].map((name) => request.headers.get(name) ?? '');
  const isA2a = used.some((types) => types.includes(A2A_JSON));
  return json({ headers: { ...headers, ...runHeaders } }, value, 200, isA2a ? A2A_JSON : undefined);
}

function verbOf(call: Call): { readonly id: string; readonly verb: string | undefined } {
  requireVersion(call);
  const task = call.params['task'] ?? '';
  const { id = task, verb } = VERB.exec(task)?.groups ?? {};
  return { id, verb };
}
