import { isJimsError } from 'jims-core';
import type { JimsApp, NewEvent, Run, RunRequest, RunThread } from 'jims-core';

import { contactInQuery, isNobody } from '../http/contact.ts';
import type { ApiContext, Call } from '../http/route.ts';
import { idempotencyOf } from './idempotency.ts';
import { requireMessageSize } from './sent-limits.ts';

/** How often a thread may move under one request. */
const MAX_MOVES = 5;

/** Where a run belongs. */
export interface RunTarget {
  readonly thread: RunThread;
  /** Where it belongs instead, when that thread has moved before the run was accepted. */
  readonly onMoved?: (() => Promise<RunThread>) | undefined;
}

/** A run as a protocol requests it; {@link startRun} adds who its caller is. */
export interface ClientRunRequest
  extends RunTarget, Omit<RunRequest, 'thread' | 'caller' | 'principal' | 'requestId'> {
  readonly incoming: NewEvent;
  /** What closing the connection means: nothing, or stop. */
  readonly onDisconnect: 'continue' | 'cancel';
}

/** A run that a request reads, until its connection is closed or `leave` is called. */
export interface ReadRun {
  readonly run: Run;
  readonly leave: () => void;
}

/**
 * Starts a run for a request, or finds the one that its `Idempotency-Key` names.
 *
 * @throws JimsError, HttpError
 */
export async function startRun(
  api: ApiContext,
  call: Call,
  { onMoved, onDisconnect, ...request }: ClientRunRequest,
): Promise<ReadRun> {
  requireMessageSize(api, String(request.incoming.data['content']));
  const idempotency = (await idempotencyOf(call)) ?? request.idempotency;
  const caller = countedContact(call, request.thread);
  const complete: RunRequest = {
    ...request,
    ...(caller !== undefined && { caller }),
    principal: call.principal,
    requestId: call.requestId,
    ...(idempotency && { idempotency }),
    ...(onDisconnect === 'cancel' && { stopsUnread: true }),
  };
  const run = await startWhereItBelongs(api.app, complete, onMoved);
  const leave = run.attach(onDisconnect);
  onAbort(call.request.signal, leave);
  return { run, leave };
}

/** Whether a later message can come to the same thread: nobody knows a new one without a name. */
export function isReachedAgain(thread: RunThread): boolean {
  return thread.kind !== 'new' || thread.externalId !== undefined;
}

/** The contact that a request is counted for: the one that calls, or that a service names. */
export function countedContact(call: Call, thread?: RunThread): string | undefined {
  if (call.principal.kind === 'contact') return call.principal.contactId;
  const named = thread?.contactId ?? contactInQuery(call);
  return named !== undefined && isNobody(named) ? undefined : named;
}

/** Starts a run in its thread, and again in another one where that has moved. */
async function startWhereItBelongs(
  app: JimsApp,
  request: RunRequest,
  onMoved: RunTarget['onMoved'],
): Promise<Run> {
  let { thread } = request;
  for (let tries = 1; ; tries++) {
    try {
      return await app.runs.start({ ...request, thread });
    } catch (error) {
      const moved = isJimsError(error) && error.code === 'thread_moved';
      if (!moved || !onMoved || tries === MAX_MOVES) throw error;
      thread = await onMoved();
    }
  }
}

function onAbort(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
