import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { eventDomain } from 'jims-core';
import type { EventPosition, JimsApp, NewEvent, Run, RunThread, Thread } from 'jims-core';
import { supersededBy } from 'jims-core/host';
import * as v from 'valibot';

import { resultOf, runHeaders } from '../../chat/answer-run.ts';
import { copies } from '../../chat/client-history.ts';
import { idempotencyOf } from '../../chat/idempotency.ts';
import type { RequestKey } from '../../chat/idempotency.ts';
import { visibleTo } from '../../chat/visibility.ts';
import { HttpError, notFound } from '../../http/errors.ts';
import { boolean, uuid } from '../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { json } from '../../http/json-answer.ts';
import { addressOf } from '../../http/public-address.ts';
import { lookUpInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { ThreadResource, threadResource } from './resources.ts';
import { IDEMPOTENCY_KEY } from './schemas.ts';
import { THREAD_ID, reachableThread } from './threads.ts';

/** Events are written in pieces of about so many characters: each of them is one transaction. */
const PIECE = 128 * 1024;
const PAGE = 200;

const ForkBody = titled('Fork', {
  before: described(
    v.nullish(uuid),
    'The event that the copy ends before; default: all events are copied',
  ),
  supersede: described(
    v.optional(boolean, false),
    'Whether the new thread replaces this one in lists, and takes over its external id',
  ),
});

export const forkRoutes: readonly Route[] = [
  route.post('/api/v1/threads/:thread_id/fork', forkThread, {
    operationId: 'fork_thread',
    summary: 'Copy a thread, up to an event',
    description:
      'For another answer, or for an edited message: the new thread has the same contact and config, and the events before `before`. Of a large thread the newest 4 MiB are copied, and the states. Questions stay with the other thread.',
    tags: ['threads'],
    parameters: [THREAD_ID, IDEMPOTENCY_KEY],
    request: ForkBody,
    responses: { 201: { description: 'The new thread', schema: ThreadResource } },
    errors: [400, 401, 404, 409, 413, 422, 429, 503],
  }),
];

async function forkThread(api: ApiContext, call: Call): Promise<Response> {
  const { before, supersede } = parseBody(ForkBody, await call.body());
  const thread = await reachableThread(api, call);
  const { contactId } = thread;
  if (contactId === undefined) {
    throw new HttpError(409, 'The thread has no contact, so it cannot be forked', {
      code: 'thread_without_contact',
    });
  }
  const idempotency = await idempotencyOf(call);
  if (supersede && supersededBy(thread) !== undefined && !(await isRepeated(api, idempotency))) {
    const reason = 'the thread was superseded already: fork the one that superseded it';
    throw fieldError('supersede', true, reason);
  }
  const run = await lookUpInTurn(api, call, async () => {
    const end =
      typeof before === 'string' ? await positionOf(api, call, thread, before) : undefined;
    const source = { ...thread, contactId };
    const events = await copies(api.app, thread, end);
    return copyTo(api.app, events, { source, supersede, idempotency });
  });
  const { id: forkId } = run.thread;
  const fork = await api.app.threads.overview(forkId);
  if (!fork) throw notFound(`Thread '${forkId}' not found`);
  const location = addressOf(api, `/api/v1/threads/${forkId}`);
  const headers = { ...call.headers, ...runHeaders(run), location };
  return json({ headers }, threadResource(fork, call), 201);
}

/** Whether a request was sent before with its key: a repeated one finds its thread superseded. */
async function isRepeated({ app }: ApiContext, key: RequestKey | undefined): Promise<boolean> {
  return key !== undefined && (await app.runs.idByKey(key)) !== undefined;
}

interface Copying {
  readonly source: Thread & { readonly contactId: string };
  readonly supersede: boolean;
  readonly idempotency: RequestKey | undefined;
}

/**
 * Makes the copy. Of a large one the rest comes in pieces, which hold up nobody, in a run that a message to the
 * new thread has to wait for.
 */
async function copyTo(
  app: JimsApp,
  events: readonly NewEvent[],
  { source, supersede, idempotency }: Copying,
): Promise<Run> {
  const { id: replaces, contactId, config: threadConfig } = source;
  // Where the key is not remembered any more, the store refuses to replace it once more.
  const externalId = supersededBy(source) === undefined ? source.externalId : undefined;
  const [first = []] = inPieces(events);
  const fork: RunThread = { kind: 'new', contactId, threadConfig, events: first };
  const run = await app.runs.start({
    thread: supersede
      ? { ...fork, replaces, ...(externalId !== undefined && { externalId }) }
      : fork,
    pipeline: ({ threadId }) => appendRest(app, threadId, events),
    ...(idempotency && { idempotency }),
  });
  try {
    resultOf(await run.end);
    return run;
  } catch (error) {
    if (!supersede) await app.threads.delete({ threadId: run.thread.id }).catch(() => {});
    throw error;
  }
}

/** Appends the events that a copy does not have yet: a run that was lost may have copied some of them. */
async function appendRest(
  app: JimsApp,
  threadId: string,
  events: readonly NewEvent[],
): Promise<void> {
  const rest = events.slice(await countCopied(app, threadId, events));
  const fork = await app.threads.get(threadId);
  for (const piece of inPieces(rest)) {
    await fork.appendAll(piece);
    await setImmediate();
  }
}

/** How many of the events were copied. What people wrote after the run was lost is not counted. */
async function countCopied(
  { threads }: JimsApp,
  threadId: string,
  events: readonly NewEvent[],
): Promise<number> {
  let copied = 0;
  for await (const piece of threads.readEvents(threadId)) {
    for (const { type, data } of piece) {
      if (eventDomain(type) === 'jims') continue;
      const expected = events[copied];
      const isCopy = expected?.type === type && isDeepStrictEqual(expected.data, data);
      if (!isCopy) return copied;
      copied++;
    }
  }
  return copied;
}

function* inPieces(events: readonly NewEvent[]): Generator<readonly NewEvent[]> {
  let piece: NewEvent[] = [];
  let size = 0;
  for (const event of events) {
    piece.push(event);
    size += JSON.stringify(event.data).length;
    if (size < PIECE) continue;
    yield piece;
    piece = [];
    size = 0;
  }
  if (piece.length > 0) yield piece;
}

/** Finds an event from the newest on: people fork near the end. */
async function positionOf(
  { app }: ApiContext,
  { principal }: Call,
  thread: Thread,
  eventId: string,
): Promise<EventPosition> {
  const sees = visibleTo(principal);
  let before: EventPosition | undefined;
  for (;;) {
    const page = await app.threads.events(thread.id, {
      limit: PAGE,
      order: 'desc',
      ...(before && { before }),
    });
    const event = page.events.find(({ id }) => id === eventId);
    if (event && (principal.kind === 'service' || sees(event.type))) {
      return { createdAt: event.createdAt, id: event.id };
    }
    before = page.last;
    if (event || !page.more || !before) throw notFound(`Event '${eventId}' not found`);
    await setImmediate();
  }
}
