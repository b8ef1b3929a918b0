import { randomUUID } from 'node:crypto';

import { isJimsError } from 'jims-core';
import type { JsonObject, Run, RunThread } from 'jims-core';

import {
  countedContact,
  namedThread,
  runHeaders,
  startAndRead,
  streamFrames,
} from '../../chat/run-routes.ts';
import type { ReadRun, RunAsk } from '../../chat/run-routes.ts';
import { visibleTo } from '../../chat/said.ts';
import { userEvent } from '../../chat/user-text.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { json } from '../../http/json-answer.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure, rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { callFrames, encodeEnd } from './encode.ts';
import { RunningCalls, callName } from './running-calls.ts';
import { TOOL, ToolArguments } from './tool.ts';

const MAX_TOKEN = 1024;

/** One request for a tool. */
export interface ToolCall {
  readonly id: RpcId;
  readonly params: JsonObject;
  readonly session: string | undefined;
}

/** `tools/call`: runs the app; a stream for who reads streams, else the result alone. */
export async function callTool(api: ApiContext, call: Call, asked: ToolCall): Promise<Response> {
  const { id, params, session } = asked;
  const given = argumentsOf(params);
  const ask = decode(api, call, { given, session });
  const leave = readsStreams(call)
    ? api.streams.enter(countedContact(call, ask.thread))
    : undefined;
  const place =
    session === undefined ? undefined : RunningCalls.of(api).enter(callName(call, session, id));
  try {
    // The same arguments sent again with an Idempotency-Key are the same run, whatever their id.
    const sent = { ...call, body: async () => given };
    const read = await start(api, sent, { ask, id, session });
    if (place) stopWhenTakenBack(read.run, place);
    return await answer(api, call, { read, asked, leave, takenBack: place?.signal });
  } catch (error) {
    place?.leave();
    leave?.();
    throw error;
  }
}

function argumentsOf({ name, arguments: given = {} }: JsonObject): unknown {
  if (name === TOOL) return given;
  // JSON, because an object that a client made need not have a text.
  const asked = (JSON.stringify(name) ?? 'without a name').slice(0, 100);
  throw rpcFailure('invalid_params', `There is no tool ${asked}`);
}

function readsStreams({ request }: Call): boolean {
  return /\btext\/event-stream\b|\*\/\*/.test(request.headers.get('accept') ?? '');
}

function stopWhenTakenBack(run: Run, { signal, leave }: ReturnType<RunningCalls['enter']>): void {
  if (signal.aborted) run.cancel();
  else signal.addEventListener('abort', () => run.cancel(), { once: true });
  void run.end.then(leave);
}

interface Answering {
  readonly read: ReadRun;
  readonly asked: ToolCall;
  /** Returns the place of the stream, when there is one. */
  readonly leave: (() => void) | undefined;
  readonly takenBack: AbortSignal | undefined;
}

async function answer(
  api: ApiContext,
  call: Call,
  { read: { run, leave: onGone }, asked: { id, params }, leave, takenBack }: Answering,
): Promise<Response> {
  const headers = { ...call.headers, ...runHeaders(run) };
  const sees = visibleTo(call.principal);
  const options = { requestId: call.requestId, exposeErrors: api.exposeErrors, sees };
  if (leave) {
    const progressToken = tokenIn(params);
    const { heartbeatMs } = api;
    const frames = callFrames(run, { ...options, id, progressToken, heartbeatMs, takenBack });
    return streamFrames(api, { ...call, headers }, frames, { leave, onGone });
  }
  const end = await run.end;
  if (takenBack?.aborted) return new Response(null, { status: 202, headers });
  return json({ headers }, rpcResult(id, encodeEnd(run, end, options)));
}

/** Without a session nothing but a closed connection can mean stop. */
function decode(
  api: ApiContext,
  call: Call,
  { given, session }: { readonly given: unknown; readonly session: string | undefined },
): RunAsk {
  const { message, thread_id, contact_id } = parseBody(ToolArguments, withoutBlanks(given));
  const contactId = contactOf(call, contactInQuery(call) ?? contact_id ?? undefined);
  const thread: RunThread =
    typeof thread_id === 'string'
      ? namedThread(api, call, { threadId: thread_id, contactId })
      : {
          kind: 'new',
          contactId: contactId ?? nobody(`mcp:${session ?? call.principal.id}`),
          threadConfig: { interface: 'mcp' },
          events: [],
        };
  return {
    thread,
    incoming: userEvent(message),
    onDisconnect: session === undefined ? 'cancel' : 'continue',
  };
}

/** Models fill what they were told to leave out with nothing. */
function withoutBlanks(given: unknown): unknown {
  if (!isJsonObject(given)) return given;
  const { message, ...rest } = given;
  const filled = Object.entries(rest).filter(([, value]) => value !== '');
  return { ...(message !== undefined && { message }), ...Object.fromEntries(filled) };
}

/**
 * Starts the run by the name of its call, so that any process can find it to stop it. The name of an
 * answered call, used once more, is no reason to answer with that one.
 */
async function start(
  api: ApiContext,
  call: Call,
  {
    ask,
    id,
    session,
  }: { readonly ask: RunAsk; readonly id: RpcId; readonly session: string | undefined },
): Promise<ReadRun> {
  if (session === undefined || call.request.headers.has('idempotency-key')) {
    return startAndRead(api, call, ask);
  }
  const idempotency = { ...callName(call, session, id), fingerprint: randomUUID() };
  try {
    return await startAndRead(api, call, { ...ask, idempotency });
  } catch (error) {
    if (isJimsError(error) && error.code === 'key_reused') {
      return startAndRead(api, call, ask);
    }
    throw error;
  }
}

function tokenIn({ _meta: meta }: JsonObject): string | number | undefined {
  const token = isJsonObject(meta) ? meta['progressToken'] : undefined;
  // It is sent back with every status.
  if (typeof token === 'string') return token.length <= MAX_TOKEN ? token : undefined;
  return typeof token === 'number' ? token : undefined;
}
