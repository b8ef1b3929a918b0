import { setImmediate } from 'node:timers/promises';

import type { JimsApp, RunList, RunPage } from 'jims-core';

import { viewOf } from '../../chat/visibility.ts';
import { toCursor } from '../../http/cursor.ts';
import { largeJson } from '../../http/json-answer.ts';
import { cursorIn } from '../../http/query.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { PAGE, limitIn, pageDoc } from './pages.ts';
import { RunSummaryResource, runSummary } from './resources.ts';
import { THREAD_ID, reachableThread } from './threads.ts';

export const threadRunRoutes: readonly Route[] = [
  route.get('/api/v1/threads/:thread_id/runs', listRuns, {
    operationId: 'list_runs',
    summary: 'The runs of a thread, newest first',
    description:
      'Those that a message began and whose records are still kept, without what they sent: that is in the events of the thread.',
    tags: ['runs'],
    parameters: [THREAD_ID, ...PAGE],
    responses: { 200: pageDoc('RunPage', 'runs', RunSummaryResource) },
    errors: [401, 404, 422, 429, 503],
  }),
];

async function listRuns(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await reachableThread(api, call);
  const before = cursorIn(call);
  const limit = limitIn(call);
  const view = viewOf(call.principal);
  return answerInTurn(api, call, async (end) => {
    const { runs, next } = await pageOf(api.app, id, { limit, ...(before && { before }) });
    const page = {
      runs: runs.map((run) => runSummary(run, { threadId: id, view })),
      next_cursor: next ? toCursor(next) : null,
    };
    return largeJson(call, page, end);
  });
}

/** A page with at least one run, unless no more follow: many events without one may stand between. */
async function pageOf(app: JimsApp, threadId: string, first: RunPage): Promise<RunList> {
  for (let page = first; ;) {
    const list = await app.runs.list(threadId, page);
    if (list.runs.length > 0 || !list.next) return list;
    page = { ...page, before: list.next };
    await setImmediate();
  }
}
