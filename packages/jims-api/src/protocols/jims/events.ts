import { setImmediate } from 'node:timers/promises';

import { isInternalEvent } from 'jims-core';
import type { EventList, EventPosition, JimsApp, ThreadEvent } from 'jims-core';
import * as v from 'valibot';

import { openStream } from '../../chat/stream-run.ts';
import { fromCursor, toCursor } from '../../http/cursor.ts';
import { notFound, validationError } from '../../http/errors.ts';
import type { HttpError } from '../../http/errors.ts';
import { pythonJsonText } from '../../http/fastapi/json-pieces.ts';
import { largeJson } from '../../http/json-answer.ts';
import {
  lastEventIdInQuery,
  lastEventIdInvalid,
  lastEventIdNames,
  lastEventIdOf,
} from '../../http/last-event-id.ts';
import { inQuery } from '../../http/parameters.ts';
import { cursorIn, queryFault, wordIn } from '../../http/query.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { PAGE, limitIn, pageDoc } from './pages.ts';
import { EventResource, eventResource } from './resources.ts';
import { THREAD_ID, reachableThread } from './threads.ts';

interface PageQuery {
  readonly limit: number;
  /** Where to go on. */
  readonly from: EventPosition | undefined;
  readonly order: EventOrder;
  readonly domains: readonly string[] | undefined;
  /** Whether internal events are among them. */
  readonly internal: boolean;
}

const FLAGS = ['true', 'false'] as const;
const ORDERS = ['asc', 'desc'] as const;
type EventOrder = (typeof ORDERS)[number];

/** A page of large events ends before its `limit`. */
const PAGE_BYTES = 2 * 1024 * 1024;
const MAX_DOMAINS = 10;
const DOMAIN = /^[a-z][a-z0-9_-]*$/;

export const eventRoutes: readonly Route[] = [
  route.get('/api/v1/threads/:thread_id/events', threadEvents, {
    operationId: 'list_events',
    summary: 'The events of a thread, oldest or newest first; or live',
    description:
      'With `Accept: text/event-stream` the answer is a stream: the events so far, and then new ones, each as an `event` with an id for `Last-Event-ID`.',
    tags: ['threads'],
    parameters: [
      THREAD_ID,
      inQuery(
        'domain',
        'Only events of these domains, such as `comm`; separated by commas, at most ten',
      ),
      inQuery(
        'internal',
        '`false` leaves out `state.*`, `context.*` and `jims.*`. Default `true` for services; contacts never get them',
        v.picklist(FLAGS),
      ),
      inQuery(
        'order',
        '`desc`: newest first; default `asc`. A cursor goes on in either direction; a stream is always `asc`',
        v.picklist(ORDERS),
      ),
      ...PAGE,
      ...lastEventIdNames('cursor'),
    ],
    responses: {
      200: {
        ...pageDoc('EventPage', 'events', EventResource),
        frames: [
          {
            event: 'event',
            description: 'An event; its id is for `Last-Event-ID`. The stream has no end',
            schema: EventResource,
          },
        ],
      },
    },
    errors: [400, 429, 401, 404, 422, 503],
  }),
];

/** A page, or with `Accept: text/event-stream` a live tail. */
async function threadEvents(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await reachableThread(api, call);
  const domains = domainsOf(call);
  const internal = wantsInternal(call);
  const order = wordIn(call, 'order', ORDERS) ?? 'asc';
  const accept = call.request.headers.get('accept') ?? '';
  if (accept.includes('text/event-stream')) {
    if (order === 'desc') {
      const msg = 'Value error, a stream begins with the oldest event: leave out order=desc';
      throw queryFault('order', 'value_error', msg, order);
    }
    return tail(api, call, { threadId: id, domains, internal });
  }
  const seen = order === 'asc' ? cursorOf(lastEventIdInQuery(call)) : undefined;
  const from = cursorIn(call) ?? seen;
  const limit = limitIn(call);
  return answerInTurn(api, call, async (end) => {
    const query = { limit, from, order, domains, internal };
    const { events, last, more } = await pageOf(api.app, id, query);
    const runs = await api.app.runs.ofEvents(id, events);
    const page = {
      events: events.map((event) => withRun(event, runs)),
      next_cursor: more && last ? toCursor(last) : null,
    };
    return largeJson(call, page, end);
  });
}

function withRun(event: ThreadEvent, runs: ReadonlyMap<string, string>): EventResource {
  return { ...eventResource(event), run_id: runs.get(event.id) ?? null };
}

/** A page with at least one event, unless no more follow: many events of other domains may stand between. */
async function pageOf(
  app: JimsApp,
  threadId: string,
  { limit, from, order, domains, internal }: PageQuery,
): Promise<EventList> {
  for (let position = from; ;) {
    const page = await app.threads.events(threadId, {
      limit,
      maxBytes: PAGE_BYTES,
      ...(position && { [order === 'asc' ? 'after' : 'before']: position }),
      ...(order === 'desc' && { order }),
      ...(domains && { domains }),
    });
    const events = internal ? page.events : page.events.filter(isShown);
    if (events.length > 0 || !page.more) return { ...page, events };
    position = page.last;
    await setImmediate();
  }
}

async function tail(
  api: ApiContext,
  call: Call,
  {
    threadId,
    domains,
    internal,
  }: Pick<PageQuery, 'domains' | 'internal'> & { readonly threadId: string },
): Promise<Response> {
  const after = startOf(call);
  return openStream(api, call, async () => {
    const gone = new AbortController();
    const events = api.app.threads.follow(threadId, {
      signal: gone.signal,
      ...(after && { after }),
      ...(domains && { domains }),
    });
    return { frames: toFrames(events, internal), onGone: () => gone.abort() };
  });
}

async function* toFrames(
  events: AsyncIterable<ThreadEvent>,
  internal: boolean,
): AsyncGenerator<SseFrame> {
  for await (const event of events) {
    if (!internal && !isShown(event)) continue;
    yield { id: toCursor(event), event: 'event', data: pythonJsonText(eventResource(event)) };
  }
}

/** Whether an event is shown without internal ones. */
function isShown({ type }: ThreadEvent): boolean {
  return !isInternalEvent(type);
}

/** Services get internal events unless they do not want them; for contacts there are none. */
function wantsInternal(call: Call): boolean {
  const flag = wordIn(call, 'internal', FLAGS);
  if (flag === 'true' && call.principal.kind === 'contact') throw notFound();
  return flag !== 'false';
}

function startOf(call: Call): EventPosition | undefined {
  return cursorOf(lastEventIdOf(call)) ?? cursorIn(call);
}

/** The ids of this stream are cursors. */
function cursorOf(id: string | undefined): EventPosition | undefined {
  if (id === undefined) return undefined;
  const position = fromCursor(id);
  if (!position) throw lastEventIdInvalid();
  return position;
}

/** A contact sees messages; the other domains do not exist for them. */
function domainsOf({ query, principal }: Call): readonly string[] | undefined {
  const domains = [...new Set(query.getAll('domain').flatMap((text) => text.split(',')))];
  const strange = domains.find((domain) => !DOMAIN.test(domain));
  if (strange !== undefined) {
    const msg = 'Input should be the name of a domain, such as comm';
    throw domainError('string_pattern_mismatch', msg, strange.slice(0, 100));
  }
  if (domains.length > MAX_DOMAINS) {
    const msg = `Input should have at most ${MAX_DOMAINS} domains, not ${domains.length}`;
    throw domainError(
      'too_long',
      msg,
      `${domains.slice(0, MAX_DOMAINS).join(',')},…`.slice(0, 100),
    );
  }
  if (principal.kind === 'contact') {
    if (domains.some((domain) => domain !== 'comm')) throw notFound();
    return ['comm'];
  }
  return domains.length > 0 ? domains : undefined;
}

function domainError(type: string, msg: string, input: string): HttpError {
  return validationError([{ type, loc: ['query', 'domain'], msg, input }]);
}
