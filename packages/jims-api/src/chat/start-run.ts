import { isJimsError } from 'jims-core';
import type { JimsApp, NewEvent, Run, RunRequest, RunThread } from 'jims-core';

import { contactInQuery, isNobody } from '../http/contact.ts';
import type { ApiContext, Call } from '../http/route.ts';
import { hasKey, idempotencyOf } from './idempotency.ts';
import { MessageUploads } from './message-uploads.ts';
import type { SentFile } from './sent-files.ts';
import { requireMessageSize } from './sent-limits.ts';

/** How often a thread may move under one request. */
const MAX_MOVES = 5;

/** Where a run belongs. */
export interface RunTarget {
  readonly thread: RunThread;
  /** Where it belongs instead, when that thread has moved before the run was accepted. */
  readonly onMoved?: (() => Promise<RunTarget>) | undefined;
  /** The files of the events that the thread begins with, by the event's id. */
  readonly eventFiles?: ReadonlyMap<string, readonly SentFile[]> | undefined;
  /** The files of the message that this one replaces: what is the same is not stored again. */
  readonly replacedFiles?: readonly string[] | undefined;
}

/** A run as a protocol requests it; {@link startRun} adds who its caller is. */
export interface ClientRunRequest
  extends RunTarget, Omit<RunRequest, 'thread' | 'caller' | 'principal' | 'requestId' | 'files'> {
  readonly incoming: NewEvent;
  /** The files of the message. */
  readonly sentFiles?: readonly SentFile[] | undefined;
  readonly onDisconnect: OnDisconnect;
}

/**
 * What closing the connection means: nothing, or stop. `cancel_unless_keyed` is for clients that can only
 * stop in this way: one that sends an `Idempotency-Key` will come again, so that its run goes on.
 */
export type OnDisconnect = 'continue' | 'cancel' | 'cancel_unless_keyed';

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
  request: ClientRunRequest,
): Promise<ReadRun> {
  const { sentFiles = [], onDisconnect, ...placed } = request;
  const { thread, onMoved, eventFiles, replacedFiles, ...rest } = placed;
  const { content, reason } = rest.incoming.data;
  requireMessageSize(api, String(content));
  // What was said to a click.
  if (typeof reason === 'string') requireMessageSize(api, reason);
  const leaving = leavingOf(call, onDisconnect);
  const idempotency = (await idempotencyOf(call)) ?? rest.idempotency;
  const caller = countedContact(call, thread);
  const complete: Unplaced = {
    ...rest,
    ...(caller !== undefined && { caller }),
    principal: call.principal,
    requestId: call.requestId,
    ...(idempotency && { idempotency }),
    ...(leaving === 'cancel' && { stopsUnread: true }),
  };
  const target = { thread, onMoved, eventFiles, replacedFiles };
  const run = await startWhereItBelongs(api.app, complete, { target, sentFiles });
  logAccepted(api, call, run);
  call.logRun(run);
  const leave = run.attach(leaving);
  onAbort(call.request.signal, leave);
  return { run, leave };
}

/** What it means for the run of a request when its reader leaves. */
export function leavingOf(call: Call, onDisconnect: OnDisconnect): 'continue' | 'cancel' {
  if (onDisconnect !== 'cancel_unless_keyed') return onDisconnect;
  return hasKey(call) ? 'continue' : 'cancel';
}

function logAccepted({ logger }: ApiContext, { requestId }: Call, run: Run): void {
  const { id: runId, thread, createdThread, replayed } = run;
  const fields = { requestId, runId, threadId: thread.id, createdThread, replayed };
  logger.debug(fields, 'message accepted');
}

type Unplaced = Omit<RunRequest, 'thread'> & Pick<ClientRunRequest, 'incoming'>;

/** Whether a later message can come to the same thread: nobody knows a new one without a name. */
export function isReachedAgain(thread: RunThread): boolean {
  return thread.kind !== 'new' || thread.externalId !== undefined;
}

/** The contact that a request is counted for: the one that calls, whose thread or file it is, or that a service names. */
export function countedContact(
  call: Call,
  of?: { readonly contactId?: string | undefined },
): string | undefined {
  if (call.principal.kind === 'contact') return call.principal.contactId;
  const named = of?.contactId ?? contactInQuery(call);
  return named !== undefined && isNobody(named) ? undefined : named;
}

/** Starts a run in its thread, and again in another one where that has moved. */
async function startWhereItBelongs(
  app: JimsApp,
  request: Unplaced,
  { target: first, sentFiles }: Pick<Start, 'target' | 'sentFiles'>,
): Promise<Run> {
  let target = first;
  const uploads = new MessageUploads(app, sentFiles);
  for (let tries = 1; ; tries++) {
    try {
      return await startIn(app, { request, target, sentFiles, uploads });
    } catch (error) {
      const moved = isJimsError(error) && error.code === 'thread_moved';
      const again = moved && tries < MAX_MOVES ? target.onMoved : undefined;
      if (!again) {
        await uploads.discard(error);
        throw error;
      }
      target = { onMoved: again, ...(await again()) };
    }
  }
}

interface Start {
  readonly request: Unplaced;
  readonly target: RunTarget;
  readonly sentFiles: readonly SentFile[];
  readonly uploads: MessageUploads;
}

async function startIn(app: JimsApp, { request, target, sentFiles, uploads }: Start): Promise<Run> {
  const { thread, eventFiles = NONE, replacedFiles = [] } = target;
  const hasFiles = sentFiles.length > 0 || eventFiles.size > 0;
  if (!hasFiles || (await isRepeated(app, request))) {
    await uploads.forget();
    return app.runs.start({ ...request, thread });
  }
  const toTake = { ofMessage: sentFiles, ofEvents: eventFiles, replacedFiles };
  const files = await uploads.take(thread, toTake);
  const run = await app.runs.start({
    ...request,
    incoming: uploads.withFiles(request.incoming, sentFiles),
    thread: withFilesOfEvents(thread, (event) =>
      uploads.withFiles(event, eventFiles.get(event.id)),
    ),
    files,
  });
  // Its files were stored with the first request.
  if (run.replayed) await uploads.forget();
  return run;
}

const NONE: ReadonlyMap<string, readonly SentFile[]> = new Map();

/** Whether the request was sent before, so that its run is there, with its files. */
async function isRepeated(app: JimsApp, { idempotency }: Unplaced): Promise<boolean> {
  return idempotency !== undefined && (await app.runs.idByKey(idempotency)) !== undefined;
}

function withFilesOfEvents(thread: RunThread, change: (event: NewEvent) => NewEvent): RunThread {
  return 'events' in thread ? { ...thread, events: thread.events.map(change) } : thread;
}

function onAbort(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
