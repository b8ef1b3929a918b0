import { setImmediate } from 'node:timers/promises';

import type { EventPosition, JimsApp, NewEvent, Thread, ThreadController } from 'jims-core';
import { supersededBy } from 'jims-core/host';
import * as v from 'valibot';

import { resultOf } from '../../chat/answer-run.ts';
import { copies } from '../../chat/client-history.ts';
import { visibleTo } from '../../chat/visibility.ts';
import { HttpError, notFound, validationError } from '../../http/errors.ts';
import { boolean, uuid } from '../../http/fastapi/fields.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { json } from '../../http/json-answer.ts';
import { addressOf } from '../../http/public-address.ts';
import { lookUpInTurn } from '../../http/reading-turns.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { ThreadResource, threadResource } from './resources.ts';
import { THREAD_ID, reachableThread } from './threads.ts';

/** Events are written in pieces of about so many characters: each of them is one transaction. */
const PIECE = 128 * 1024;
const PAGE = 200;

const ForkBody = v.pipe(
  v.object({
    before: v.pipe(
      v.nullish(uuid),
      v.description('The event that the copy ends before; default: all events are copied'),
    ),
    supersede: v.pipe(
      v.optional(boolean, false),
      v.description(
        'Whether the new thread takes over the external id, so that this one is superseded',
      ),
    ),
  }),
  v.title('Fork'),
);

export const forkRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/threads/:thread_id/fork',
    doc: {
      operationId: 'fork_thread',
      summary: 'Copy a thread, up to an event',
      description:
        'For another answer, or for an edited message: the new thread has the same contact and config, and the events before `before`. Of a large thread the newest 4 MiB are copied, and the states. Questions stay with the other thread.',
      tags: ['threads'],
      parameters: [THREAD_ID],
      request: ForkBody,
      responses: { 201: { description: 'The new thread', schema: ThreadResource } },
      errors: [400, 401, 404, 409, 413, 422, 429, 503],
    },
    handle: forkThread,
  },
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
  const forkId = await lookUpInTurn(api, call, async () => {
    const end =
      typeof before === 'string' ? await positionOf(api, call, thread, before) : undefined;
    const events = await copies(api.app, thread, end);
    return copyOf(api.app, { ...thread, contactId }, { events, supersede });
  });
  const fork = await api.app.threads.overview(forkId);
  if (!fork) throw notFound(`Thread '${forkId}' not found`);
  const headers = { ...call.headers, location: addressOf(api, `/api/v1/threads/${forkId}`) };
  return json({ headers }, threadResource(fork, call), 201);
}

type ContactThread = Thread & { readonly contactId: string };

/**
 * Makes the copy, which takes over the external id when it supersedes the thread. What is more than one piece comes
 * in a run of the copy, so that a large one holds up nobody, and a message to it waits until it is whole.
 */
async function copyOf(
  app: JimsApp,
  thread: ContactThread,
  { events, supersede }: { readonly events: readonly NewEvent[]; readonly supersede: boolean },
): Promise<string> {
  const { id, contactId, externalId, config: threadConfig } = thread;
  if (supersede && (externalId === undefined || supersededBy(thread) !== undefined)) {
    const reason = 'only a thread that has an external id can be superseded';
    throw validationError([fieldError('supersede', true, reason)]);
  }
  const [first = [], ...rest] = inPieces(events);
  const run = await app.runs.start({
    thread: {
      kind: 'new',
      contactId,
      threadConfig,
      events: first,
      ...(supersede && externalId !== undefined && { externalId, replaces: id }),
    },
    pipeline: async ({ threadId }) => appendPieces(await app.threads.get(threadId), rest),
  });
  resultOf(await run.end);
  return run.thread.id;
}

async function appendPieces(
  fork: ThreadController,
  pieces: Iterable<readonly NewEvent[]>,
): Promise<void> {
  for (const piece of pieces) {
    await fork.appendAll(piece);
    await setImmediate();
  }
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
