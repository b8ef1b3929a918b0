import type { EventPosition, ThreadEvent } from 'jims-core';

import { fromCursor, toCursor } from '../../http/cursor.ts';
import { notFound, validationError } from '../../http/errors.ts';
import { pythonJsonText } from '../../http/json-pieces.ts';
import {
  lastEventIdInQuery,
  lastEventIdInvalid,
  lastEventIdOf,
} from '../../http/last-event-id.ts';
import { cursorIn, integerIn } from '../../http/query.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { callerOf, streamFrames } from '../../http/run-routes.ts';
import type { SseFrame } from '../../http/sse-text.ts';
import { eventResource } from './resources.ts';
import { MAX_PAGE, reachableThread } from './threads.ts';

const DOMAIN = /^[a-z][a-z0-9_-]*$/;

/** `GET /api/v1/threads/{thread_id}/events`: a page, or with `Accept: text/event-stream` a live tail. */
export async function threadEvents(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await reachableThread(api, call);
  const domains = domainsOf(call);
  const accept = call.request.headers.get('accept') ?? '';
  if (accept.includes('text/event-stream')) return tail(api, call, { threadId: id, domains });
  const after = cursorIn(call, 'cursor') ?? cursorOf(lastEventIdInQuery(call));
  const limit = integerIn(call, 'limit', { min: 1, max: MAX_PAGE, byDefault: 50 });
  const found = await api.app.threadEvents(id, {
    limit: limit + 1,
    ...(after && { after }),
    ...(domains && { domains }),
  });
  const events = found.slice(0, limit);
  const last = found.length > limit ? events.at(-1) : undefined;
  return json(call, {
    events: events.map(eventResource),
    next_cursor: last ? toCursor(last) : null,
  });
}

async function tail(
  api: ApiContext,
  call: Call,
  {
    threadId,
    domains,
  }: { readonly threadId: string; readonly domains: readonly string[] | undefined },
): Promise<Response> {
  const after = startOf(call);
  const leave = api.streams.enter(callerOf(call));
  const gone = new AbortController();
  const events = api.app.followThread(threadId, {
    signal: gone.signal,
    ...(after && { after }),
    ...(domains && { domains }),
  });
  return streamFrames(api, call, toFrames(events), { leave, onGone: () => gone.abort() });
}

async function* toFrames(events: AsyncIterable<ThreadEvent>): AsyncGenerator<SseFrame> {
  for await (const event of events) {
    yield { id: toCursor(event), event: 'event', data: pythonJsonText(eventResource(event)) };
  }
}

function startOf(call: Call): EventPosition | undefined {
  return cursorOf(lastEventIdOf(call)) ?? cursorIn(call, 'cursor');
}

/** The ids of this stream are cursors. */
function cursorOf(id: string | undefined): EventPosition | undefined {
  if (id === undefined) return undefined;
  const position = fromCursor(id);
  if (!position) throw lastEventIdInvalid();
  return position;
}

/** A contact sees what was said; the rest is not there for him. */
function domainsOf({ query, principal }: Call): readonly string[] | undefined {
  const asked = query.getAll('domain').flatMap((text) => text.split(','));
  const strange = asked.find((domain) => !DOMAIN.test(domain));
  if (strange !== undefined) {
    const msg = 'Input should be the name of a domain, such as comm';
    throw validationError([
      {
        type: 'string_pattern_mismatch',
        loc: ['query', 'domain'],
        msg,
        input: strange.slice(0, 100),
      },
    ]);
  }
  if (principal.kind === 'contact') {
    if (asked.some((domain) => domain !== 'comm')) throw notFound();
    return ['comm'];
  }
  return asked.length > 0 ? asked : undefined;
}
