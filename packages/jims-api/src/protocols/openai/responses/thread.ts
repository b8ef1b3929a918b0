// Which thread a response belongs to.
import type {
  EventPosition,
  JimsApp,
  NewEvent,
  RunRecord,
  RunThread,
  Thread,
  ThreadEvent,
} from 'jims-core';

import { configBy } from '../../../chat/client-config.ts';
import { copies, threadOfHistory } from '../../../chat/client-history.ts';
import { chatNamed } from '../../../chat/front-end-names.ts';
import { assistantText, userText } from '../../../chat/messages.ts';
import { threadHeader } from '../../../chat/named-thread.ts';
import { isActive } from '../../../chat/run-status.ts';
import type { SentFile } from '../../../chat/sent-files.ts';
import type { RunTarget } from '../../../chat/start-run.ts';
import { estimatedTokens } from '../../../chat/token-estimate.ts';
import { HttpError, notFound } from '../../../http/errors.ts';
import type { ApiContext, Call } from '../../../http/route.ts';
import { NOBODY, callerOf } from '../shared/caller.ts';
import { runIdOf, runOfMessage } from '../shared/ids.ts';
import type { ResponseRequest, SentContext } from './decode.ts';
import { recordOf, requireConversation, requireThread } from './reach.ts';

const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The thread of a request, and the new question. */
export interface ResponseTarget extends RunTarget {
  readonly incoming: NewEvent;
  readonly sentFiles: readonly SentFile[];
}

/**
 * Finds the thread of a request: a named conversation, the one after a named response or message, or a
 * new thread that begins with the history in the request.
 *
 * @throws HttpError 404 for what the caller cannot reach, 400 when that is a previous response.
 */
export async function targetOf(
  api: ApiContext,
  call: Call,
  request: ResponseRequest,
): Promise<ResponseTarget> {
  const { input, question, conversationId } = request;
  const contact = callerOf(call, request.caller);
  const added = question(input.added);
  const named = { ...request, reference: input.reference };
  const before = await responseBefore(api, call, named, contact);
  const more = { incoming: added, sentFiles: input.addedFiles };
  if (before) return { ...(await targetAfter(api.app, before, request.store)), ...more };
  const threadId = await namedThreadId(api, call, { conversationId, contact });
  if (threadId !== undefined) return { thread: { kind: 'thread', threadId }, ...more };
  const incoming = question(input.message);
  const target = await threadOfHistory(api.app, {
    contactId: contact ?? NOBODY,
    chatId: request.store ? chatNamed(call, 'openai-responses') : undefined,
    earlier: input.earlier,
    message: String(incoming.data['content']),
    threadConfig: configBy(
      call.principal,
      {
        interface: 'openai',
        ...(request.systemPrompt !== undefined && { system_prompt: request.systemPrompt }),
      },
      'openai',
    ),
    receivedAt: call.receivedAt,
    trusted: call.principal.kind === 'service',
  });
  return { ...target, incoming, sentFiles: input.files };
}

/** What a request names of what was said before. */
interface Before extends Pick<SentContext, 'previousResponseId' | 'conversationId'> {
  /** A message that stands for all before it. */
  readonly reference: string | undefined;
}

/** About how many tokens were said in the thread that a request goes on in; `undefined` when it begins one. */
export async function tokensBefore(
  api: ApiContext,
  call: Call,
  named: Before,
  contact: string | undefined,
): Promise<number | undefined> {
  const { app } = api;
  const run = await responseBefore(api, call, named, contact);
  if (run) return tokensUpTo(app, run.thread, await lastEventOf(app, run));
  const { conversationId } = named;
  const threadId = await namedThreadId(api, call, { conversationId, contact });
  const found = threadId === undefined ? undefined : await app.threads.find(threadId);
  return found && tokensUpTo(app, found.thread);
}

async function tokensUpTo(app: JimsApp, thread: Thread, last?: ThreadEvent): Promise<number> {
  let tokens = 0;
  for await (const events of app.threads.allEvents(thread)) {
    const end = events.findIndex(({ id }) => id === last?.id) + 1;
    const counted = end > 0 ? events.slice(0, end) : events;
    tokens += estimatedTokens(
      counted.map((event) => userText(event) ?? assistantText(event) ?? ''),
    );
    if (end > 0) break;
  }
  return tokens;
}

/** The thread that a request names; `undefined` when it names none. */
async function namedThreadId(
  api: ApiContext,
  call: Call,
  request: { readonly conversationId: string | undefined; readonly contact: string | undefined },
): Promise<string | undefined> {
  const { conversationId: id, contact } = request;
  if (id !== undefined) return (await requireConversation(api, call, { id, contact })).id;
  const threadId = threadHeader(call);
  return threadId && (await requireThread(api, call, { threadId, contact })).id;
}

/** The response that a request continues, named by its id or by a message of it. */
async function responseBefore(
  api: ApiContext,
  call: Call,
  { previousResponseId: id, conversationId, reference }: Before,
  contact: string | undefined,
): Promise<RunRecord | undefined> {
  if (id !== undefined) return previousResponse(api, call, { id, contact });
  if (reference === undefined || conversationId !== undefined) return undefined;
  const record = await recordOf(api, call, { runId: runOfMessage(reference), contact });
  if (record) return record;
  throw notFound(`Item with id '${reference}' not found.`);
}

/** @throws HttpError 400 when there is no such response for the caller. */
export async function previousResponse(
  api: ApiContext,
  call: Call,
  { id, contact }: { readonly id: string; readonly contact: string | undefined },
): Promise<RunRecord> {
  const record = await recordOf(api, call, { runId: runIdOf(id), contact });
  if (record) return record;
  throw new HttpError(400, `Previous response with id '${id}' not found.`, {
    code: 'previous_response_not_found',
  });
}

/**
 * The thread to continue after a run: its own, unless something was said since; else a fork of it, with
 * what was there when the run was over. What is not to be stored is in a fork, too. Whether something
 * was said is decided when the new run is accepted: of several requests at once, one gets the thread.
 */
async function targetAfter(app: JimsApp, run: RunRecord, store: boolean): Promise<RunTarget> {
  const { thread, status } = run;
  if (store && isActive(status)) return { thread: { kind: 'thread', threadId: thread.id } };
  const fork = async (): Promise<RunTarget> => ({ thread: await forkAfter(app, run) });
  const after = store ? await lastEventOf(app, run) : undefined;
  if (!after) return fork();
  return { thread: { kind: 'thread', threadId: thread.id, after }, onMoved: fork };
}

async function forkAfter(app: JimsApp, run: RunRecord): Promise<RunThread> {
  const { thread } = run;
  const last = await lastEventOf(app, run);
  return {
    kind: 'new',
    contactId: thread.contactId ?? NOBODY,
    threadConfig: thread.config,
    events: last ? await copies(app, thread, positionAfter(last)) : [],
  };
}

/** A position directly after an event: no two events of a thread have the same time. */
function positionAfter({ createdAt }: EventPosition): EventPosition {
  return { createdAt, id: LAST_ID };
}

/** The last event of a run: its question when it sent nothing. */
async function lastEventOf(
  app: JimsApp,
  { events, thread, runId }: RunRecord,
): Promise<ThreadEvent | undefined> {
  return events.at(-1) ?? (await eventOf(app, thread, runId));
}

async function eventOf(
  app: JimsApp,
  thread: Thread,
  eventId: string,
): Promise<ThreadEvent | undefined> {
  for await (const events of app.threads.allEvents(thread)) {
    const found = events.find(({ id }) => id === eventId);
    if (found) return found;
  }
  return undefined;
}
