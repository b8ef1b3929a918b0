import type { EventPosition, ThreadOverview, ThreadQuery } from 'jims-core';
import * as v from 'valibot';

import { externalIdOf } from '../../chat/external-ids.ts';
import { contactOf } from '../../http/contact.ts';
import { fromCursor, toCursor } from '../../http/cursor.ts';
import { largeJson } from '../../http/json-answer.ts';
import { inQuery } from '../../http/parameters.ts';
import { queryFault, wordIn, wordsIn } from '../../http/query.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { PAGE, limitIn, pageDoc } from './pages.ts';
import { ThreadResource, threadResource } from './resources.ts';

const ORDERS = ['activity', 'created'] as const;
type ThreadOrder = (typeof ORDERS)[number];

const FEEDBACK = ['up', 'down'] as const;
/** A search box; longer text is a mistake, and would be much work. */
const MAX_SEARCH = 200;
/** What a cursor of the order by activity begins with. One without it is of the order in which threads were made. */
const BY_ACTIVITY = 'a.';

export const threadListRoutes: readonly Route[] = [
  route.get('/api/v1/threads', listThreads, {
    operationId: 'list_threads',
    summary: 'Threads, those with the newest event first',
    description:
      'A thread that gets an event while a client goes through the pages moves to the front: the client finds it there when it begins again.',
    tags: ['threads'],
    parameters: [
      inQuery('contact_id', 'Only those of this contact'),
      inQuery('external_id', 'Only those with this external id: at most one of each contact'),
      inQuery(
        'superseded',
        '`true`: also threads that another one has replaced, as their client edited a message; default `false`',
        v.picklist(['true', 'false']),
      ),
      inQuery(
        'q',
        'Only those in which these words were said, in one message; the last word may be the beginning of one',
        v.pipe(v.string(), v.maxLength(MAX_SEARCH)),
      ),
      inQuery(
        'feedback',
        'Only those with a message that the contact rated so',
        v.picklist(FEEDBACK),
      ),
      inQuery('waiting', 'Only those with an open question to the contact', v.picklist(['true'])),
      inQuery(
        'order',
        '`activity`: the newest event first; `created`: the newest thread first. Default `activity`. A cursor is of one of them',
        v.picklist(ORDERS),
      ),
      ...PAGE,
    ],
    responses: { 200: pageDoc('ThreadPage', 'threads', ThreadResource) },
    errors: [401, 404, 422, 429, 503],
  }),
];

async function listThreads(api: ApiContext, call: Call): Promise<Response> {
  const query = queryOf(call);
  return answerInTurn(api, call, async (end) => {
    const { threads, more } = await api.app.threads.list(query);
    const last = more ? threads.at(-1) : undefined;
    const page = {
      threads: threads.map((thread) => threadResource(thread, call)),
      next_cursor: last ? cursorOf(last, query.order) : null,
    };
    return largeJson(call, page, end);
  });
}

function queryOf(call: Call): ThreadQuery & { readonly order: ThreadOrder } {
  const contactId = contactOf(call, call.query.get('contact_id') ?? undefined);
  const named = call.query.get('external_id');
  const order = wordIn(call, 'order', ORDERS) ?? 'activity';
  const before = positionIn(call, order);
  const words = wordsOf(call);
  const feedback = wordIn(call, 'feedback', FEEDBACK);
  return {
    order,
    limit: limitIn(call),
    ...(contactId !== undefined && { contactId }),
    ...(named !== null && { externalId: externalIdOf(call.principal, named) }),
    ...(!isSupersededListed(call) && { current: true }),
    ...(before && { before }),
    ...(words !== undefined && { words }),
    ...(feedback && { feedback }),
    ...(wordIn(call, 'waiting', ['true']) && { waiting: true }),
  };
}

/** Whether superseded threads are listed, too: what was said goes on in those that replaced them. */
function isSupersededListed(call: Call): boolean {
  return wordsIn(call, 'superseded', ['true', 'false'])?.has('true') === true;
}

/** Without words to search for, as in an empty search box, all threads are listed. */
function wordsOf({ query }: Call): string | undefined {
  const text = query.get('q')?.trim() ?? '';
  if (text.length <= MAX_SEARCH) return text === '' ? undefined : text;
  const msg = `String should have at most ${MAX_SEARCH} characters`;
  throw queryFault('q', 'string_too_long', msg, text);
}

function cursorOf({ id, createdAt, lastEventAt }: ThreadOverview, order: ThreadOrder): string {
  if (order === 'created') return toCursor({ createdAt, id });
  return BY_ACTIVITY + toCursor({ createdAt: lastEventAt, id });
}

/** @throws HttpError 422 for what is not a cursor, and for a cursor of another order. */
function positionIn({ query }: Call, order: ThreadOrder): EventPosition | undefined {
  const text = query.get('cursor');
  if (text === null) return undefined;
  const isByActivity = text.startsWith(BY_ACTIVITY);
  const position = fromCursor(isByActivity ? text.slice(BY_ACTIVITY.length) : text);
  if (!position) {
    const msg = 'Value error, this is not a cursor of an earlier answer';
    throw queryFault('cursor', 'value_error', msg, text);
  }
  const its = isByActivity ? 'activity' : 'created';
  if (its === order) return position;
  const msg = `Value error, this is a cursor of the order ${its}: send it with order=${its}, or begin without a cursor`;
  throw queryFault('cursor', 'value_error', msg, text);
}
