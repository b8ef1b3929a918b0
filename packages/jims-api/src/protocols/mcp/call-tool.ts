import { randomUUID } from 'node:crypto';

import { isJimsError } from 'jims-core';
import type { JsonObject, QuestionRecord, Run } from 'jims-core';

import { runHeaders } from '../../chat/answer-run.ts';
import { hasKey } from '../../chat/idempotency.ts';
import { startRun } from '../../chat/start-run.ts';
import type { ReadRun, ClientRunRequest } from '../../chat/start-run.ts';
import { openStream } from '../../chat/stream-run.ts';
import type { OpenStream } from '../../chat/stream-run.ts';
import { jsonOrPieces } from '../../http/json-answer.ts';
import type { ApiContext, Call, RunFrames } from '../../http/route.ts';
import { rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { argumentsOf, decodeCall, readsStreams, tokenIn } from './arguments.ts';
import { Elicitations } from './elicitation.ts';
import { callFrames, encodeEnd } from './encode.ts';
import { RunningCalls, callName } from './running-calls.ts';
import type { CallName } from './running-calls.ts';
import { canAsk } from './session.ts';
import { resultOptions } from './stateless-result.ts';

/** One request for a tool. */
export interface ToolCall {
  readonly id: RpcId;
  readonly params: JsonObject;
  readonly session: string | undefined;
}

/** `tools/call`: runs the app; a stream for a client that reads streams, else the result alone. */
export async function callTool(
  api: ApiContext,
  call: Call,
  { id, params, session }: ToolCall,
): Promise<Response> {
  const args = argumentsOf(params);
  const asks = canAsk(session) && readsStreams(call);
  const request = decodeCall(api, call, { args, session });
  const name = session === undefined ? undefined : callName(call, session, id);
  // The same arguments sent again with an Idempotency-Key are the same run, whatever their id.
  const start = (): Promise<RunningTool> =>
    startTool(api, { ...call, body: async () => args }, { request, name, asks });
  const options = resultOptions(api, call);
  if (!readsStreams(call)) {
    const { run, takenBack } = await start();
    const end = await run.end;
    const headers = { ...call.headers, ...runHeaders(run) };
    if (takenBack?.aborted) return new Response(null, { status: 202, headers });
    return jsonOrPieces({ headers }, rpcResult(id, await encodeEnd(run, end, options)));
  }
  const progressToken = tokenIn(params);
  const { heartbeatMs } = api;
  const open = async (): Promise<OpenStream> => {
    const { run, leave, takenBack, leaveName } = await start();
    const frames = callFrames(run, {
      ...options,
      id,
      progressToken,
      heartbeatMs,
      takenBack,
      answered: asks ? (question) => answerTo(api, call, { question, takenBack }) : undefined,
    });
    return { headers: runHeaders(run), frames, onGone: leave, onClose: leaveName };
  };
  return openStream(api, call, open, request.thread);
}

/** A run as the stream of a call of the tool with the id 1, for a client that hears of progress. */
export function wire(api: ApiContext, call: Call, run: Run): RunFrames {
  return callFrames(run, {
    ...resultOptions(api, call),
    id: 1,
    knowsLinks: true,
    progressToken: 1,
    heartbeatMs: api.heartbeatMs,
    takenBack: undefined,
  });
}

/** Waits for the answer to a question of a call; a call that is taken back withdraws it. */
async function answerTo(
  api: ApiContext,
  { request }: Call,
  {
    question,
    takenBack,
  }: { readonly question: QuestionRecord; readonly takenBack: AbortSignal | undefined },
): Promise<Run | undefined> {
  const { runs } = api.app;
  const calls = Elicitations.of(api);
  const stop = takenBack ? AbortSignal.any([request.signal, takenBack]) : request.signal;
  try {
    const next = await calls.next(api, question, stop);
    if (takenBack?.aborted) await runs.cancel(question.runId);
    if (next) takenBack?.addEventListener('abort', () => void runs.cancel(next.id), { once: true });
    return next;
  } finally {
    calls.leave(question);
  }
}

/** A run for a tool call, and whether the client has taken that back. */
interface RunningTool extends ReadRun {
  readonly takenBack: AbortSignal | undefined;
  /** To be called when the call is answered. */
  readonly leaveName: () => void;
}

interface ToStart {
  readonly request: ClientRunRequest;
  /** By which the client can take its call back. */
  readonly name: CallName | undefined;
  /** Whether the client can ask its user: then the call may last longer than its run. */
  readonly asks: boolean;
}

async function startTool(
  api: ApiContext,
  call: Call,
  { request, name, asks }: ToStart,
): Promise<RunningTool> {
  if (name === undefined) {
    const read = await startRun(api, call, request);
    return { ...read, takenBack: undefined, leaveName: () => {} };
  }
  const { signal, leave } = RunningCalls.of(api).enter(name);
  try {
    const started = await startByName(api, call, { request, name });
    const { run } = started;
    if (signal.aborted) run.cancel();
    else signal.addEventListener('abort', () => run.cancel(), { once: true });
    if (!asks) void run.end.then(leave);
    return { ...started, takenBack: signal, leaveName: leave };
  } catch (error) {
    leave();
    throw error;
  }
}

/**
 * Starts the run by the name of its call, so that any process can find and stop it. When an earlier call
 * had the same name, the run starts without it: the earlier answer must not be repeated.
 */
async function startByName(
  api: ApiContext,
  call: Call,
  { request, name }: { readonly request: ClientRunRequest; readonly name: CallName },
): Promise<ReadRun> {
  if (hasKey(call)) return startRun(api, call, request);
  const idempotency = { ...name, fingerprint: randomUUID() };
  try {
    return await startRun(api, call, { ...request, idempotency });
  } catch (error) {
    if (isJimsError(error) && error.code === 'key_reused') return startRun(api, call, request);
    throw error;
  }
}
