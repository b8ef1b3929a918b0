// How every protocol starts a run, and answers with it.
import { isJimsError } from 'jims-core';
import type {
  CancelReason,
  JimsApp,
  NewEvent,
  OnBusy,
  Run,
  RunEnd,
  RunRequest,
  RunResult,
  RunThread,
} from 'jims-core';
import { describeError } from 'jims-core/host';

import { contactInQuery, isNobody } from '../http/contact.ts';
import { HttpError, notFound } from '../http/errors.ts';
import { canonicalUuid } from '../http/fastapi/uuid.ts';
import { runJson } from '../http/json-answer.ts';
import { THREAD_HEADER } from '../http/naming-headers.ts';
import type { ApiContext, Call } from '../http/route.ts';
import type { SseFrame } from '../http/sse/frame.ts';
import { SSE_HEADERS } from '../http/sse/response.ts';
import { idempotencyOf } from './idempotency.ts';
import type { RequestKey } from './idempotency.ts';
import { requireMessageSize } from './sent-sizes.ts';

/** How often a thread may move under one request. */
const MOVES = 5;

/** Where a run belongs. */
export interface RunTarget {
  readonly thread: RunThread;
  /** Where it belongs instead, when that thread has moved before the run was accepted. */
  readonly onMoved?: (() => Promise<RunThread>) | undefined;
}

/** What a client asks for, decoded from its protocol. */
export interface RunAsk extends RunTarget {
  readonly incoming: NewEvent;
  readonly conversationStart?: boolean | undefined;
  readonly onBusy?: OnBusy | undefined;
  readonly timeoutMs?: number | undefined;
  /** What makes it the same run when the request has no `Idempotency-Key`. */
  readonly idempotency?: RequestKey | undefined;
  /** What closing the connection means: nothing, or stop. */
  readonly onDisconnect: 'continue' | 'cancel';
}

/**
 * The thread that a request names by a header; an empty one names none.
 *
 * @throws HttpError 404 for an id that no thread can have.
 */
export function threadHeader({ request }: Call): string | undefined {
  const id = request.headers.get(THREAD_HEADER);
  return id ? threadIdOf(id) : undefined;
}

/** @throws HttpError 404 for an id that no thread can have. */
export function threadIdOf(id: string): string {
  const threadId = canonicalUuid(id);
  if (threadId === undefined) throw notFound(`Thread '${id}' not found`);
  return threadId;
}

/** A named thread, the contact's own unless the service shares threads. */
export function namedThread(
  { sharedThreads }: ApiContext,
  { principal }: Call,
  { threadId, contactId }: { readonly threadId: string; readonly contactId: string | undefined },
): RunThread {
  const free = principal.kind === 'service' && (sharedThreads || contactId === undefined);
  return { kind: 'thread', threadId, ...(!free && contactId !== undefined && { contactId }) };
}

/** A run that a request reads, until it leaves: when its connection is closed, or `leave` is called. */
export interface ReadRun {
  readonly run: Run;
  readonly leave: () => void;
}

/**
 * Starts the run, or finds the one that the request's `Idempotency-Key` names.
 *
 * @throws JimsError, HttpError
 */
export async function startRun(api: ApiContext, call: Call, ask: RunAsk): Promise<Run> {
  const { run } = await startAndRead(api, call, ask);
  return run;
}

/** As {@link startRun}, for an answer that can see its client leave. */
export async function startAndRead(api: ApiContext, call: Call, ask: RunAsk): Promise<ReadRun> {
  const { incoming, conversationStart, onBusy, timeoutMs } = ask;
  requireMessageSize(api, String(incoming.data['content']));
  const idempotency = (await idempotencyOf(call)) ?? ask.idempotency;
  const caller = countedContact(call, ask.thread);
  const run = await startIn(api.app, ask, {
    incoming,
    ...(caller !== undefined && { caller }),
    principal: call.principal,
    requestId: call.requestId,
    ...(conversationStart !== undefined && { conversationStart }),
    ...(onBusy && { onBusy }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(idempotency && { idempotency }),
  });
  const leave = run.attach(ask.onDisconnect);
  onAbort(call.request.signal, leave);
  return { run, leave };
}

/** The contact that a request is counted for: the one that calls, or that a service names. */
export function countedContact(call: Call, thread?: RunThread): string | undefined {
  if (call.principal.kind === 'contact') return call.principal.contactId;
  const named = thread?.contactId ?? contactInQuery(call);
  return named !== undefined && isNobody(named) ? undefined : named;
}

/** Starts the run in its thread; a few times anew where that has moved. */
async function startIn(
  app: JimsApp,
  { thread, onMoved }: RunAsk,
  request: Omit<RunRequest, 'thread'>,
): Promise<Run> {
  let target = thread;
  for (let tries = 1; ; tries++) {
    try {
      return await app.runs.start({ ...request, thread: target });
    } catch (error) {
      const moved = isJimsError(error) && error.code === 'thread_moved';
      if (!moved || !onMoved || tries === MOVES) throw error;
      target = await onMoved();
    }
  }
}

/** Starts the run and answers with its result, as a protocol writes it. */
export async function answerRun(
  api: ApiContext,
  call: Call,
  ask: RunAsk,
  encode: (run: Run, result: RunResult) => object,
): Promise<Response> {
  const run = await startRun(api, call, ask);
  const result = resultOf(await run.end);
  return runJson({ headers: { ...call.headers, ...runHeaders(run) } }, encode(run, result));
}

/** @throws JimsError, HttpError when the run has no result. */
export function resultOf(end: RunEnd): RunResult {
  if (end.type === 'result') return end.result;
  throw reasonOf(end);
}

/** Why a run has no result: to be thrown, or told in a stream. */
export function reasonOf(end: Exclude<RunEnd, { readonly type: 'result' }>): Error {
  if (end.type === 'error') return end.error;
  const { reason } = end;
  if (isWanted(reason)) return new HttpError(409, 'The run was cancelled', { code: 'cancelled' });
  return new HttpError(503, AGAIN[reason], { code: reason, headers: { 'retry-after': '1' } });
}

/** Whether somebody wanted a run to end so: else what there is of it is not to be taken for all. */
export function isWanted(
  reason: CancelReason,
): reason is Exclude<CancelReason, keyof typeof AGAIN> {
  return reason === 'cancelled' || reason === 'interrupted';
}

const AGAIN = {
  disconnected: 'The client that started the run left, so it was stopped: send it again',
  shutting_down: 'The service is shutting down: send it again',
} as const;

/** Starts the run and answers with a stream of it, in the frames of a protocol. */
export async function streamRun(
  api: ApiContext,
  call: Call,
  ask: RunAsk,
  encode: (run: Run) => AsyncIterable<SseFrame>,
): Promise<Response> {
  const leave = api.streams.enter(countedContact(call, ask.thread));
  try {
    const { run, leave: onGone } = await startAndRead(api, call, ask);
    const headers = { ...call.headers, ...runHeaders(run) };
    return streamFrames(api, { ...call, headers }, encode(run), { leave, onGone });
  } catch (error) {
    leave();
    throw error;
  }
}

/** Answers with a stream of a run that is there already: one reader more. */
export function streamJoined(
  api: ApiContext,
  call: Call,
  run: Run,
  encode: (run: Run) => AsyncIterable<SseFrame>,
): Response {
  const leave = api.streams.enter(countedContact(call));
  const headers = { ...call.headers, ...runHeaders(run) };
  const onGone = run.attach('continue');
  return streamFrames(api, { ...call, headers }, encode(run), { leave, onGone });
}

export interface OpenStream {
  /** Ends the counting of the stream; see `Streams`. */
  readonly leave: () => void;
  /** Called when the client left before the end. */
  readonly onGone?: (() => void) | undefined;
}

/** Answers with a stream that is counted. */
export function streamFrames(
  { heartbeatMs, logger, respond }: ApiContext,
  { request, headers, requestId }: Call,
  frames: AsyncIterable<SseFrame>,
  { leave, onGone }: OpenStream,
): Response {
  if (request.method === 'HEAD') {
    leave();
    onGone?.();
    return new Response(null, { headers: { ...SSE_HEADERS, ...headers } });
  }
  const began = performance.now();
  return respond(frames, {
    headers,
    heartbeatMs,
    onClose(end) {
      leave();
      const ms = Math.round(performance.now() - began);
      logger.info({ requestId, ...namesIn(headers), ms, end: end.kind }, 'stream closed');
      if (end.kind === 'client_gone') onGone?.();
      if (end.kind === 'broken')
        logger.error({ requestId, error: describeError(end.error) }, 'stream broke off');
    },
  });
}

/** The headers that name a run and its thread, on every answer that has one. */
export function runHeaders({
  id,
  thread,
  replayed,
}: Pick<Run, 'id' | 'thread' | 'replayed'>): Record<string, string> {
  return {
    'x-jims-run-id': id,
    'x-jims-thread-id': thread.id,
    ...(replayed && { 'idempotency-replayed': 'true' }),
  };
}

/** The run and the thread that an answer's headers name, for the log. */
function namesIn(headers: Readonly<Record<string, string>>): object {
  const { 'x-jims-run-id': runId, 'x-jims-thread-id': threadId } = headers;
  return { ...(runId !== undefined && { runId }), ...(threadId !== undefined && { threadId }) };
}

function onAbort(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
