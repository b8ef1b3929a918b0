import * as v from 'valibot';

import { viewOf } from '../../chat/visibility.ts';
import { largeJson } from '../../http/json-answer.ts';
import { inQuery } from '../../http/parameters.ts';
import { integerIn, uuidInPath } from '../../http/query.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { RUN_ID, runNotFound } from './run-answer.ts';
import { traceResource } from './trace-resource.ts';
import { TraceResource } from './trace-schema.ts';

const MAX_ATTEMPT = 1_000_000;
/** The newest one. */
const NO_ATTEMPT = 0;

export const traceRoutes: readonly Route[] = [
  route.get('/api/v1/runs/:run_id/trace', getTrace, {
    operationId: 'get_trace',
    summary: 'What happened in a run',
    description:
      'For services: steps, requests to models with prompts and answers, tools, states before and after, and the real error with its stack. The last 200 runs are traced where the service is started for it, as with `--playground`; of other runs it is what the database has.',
    tags: ['runs'],
    parameters: [
      RUN_ID,
      inQuery(
        'attempt',
        'An earlier attempt of a run that was lost; default: the newest',
        v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_ATTEMPT)),
      ),
    ],
    responses: { 200: { description: 'What is known of it', schema: TraceResource } },
    errors: [401, 404, 422, 429, 503],
  }),
];

/** Prompts and stacks are not for contacts. */
async function getTrace(api: ApiContext, call: Call): Promise<Response> {
  const runId = uuidInPath(call, 'run_id');
  const bounds = { min: 1, max: MAX_ATTEMPT, byDefault: NO_ATTEMPT };
  const attempt = integerIn(call, 'attempt', bounds) || undefined;
  if (call.principal.kind !== 'service') throw runNotFound(runId);
  return answerInTurn(api, call, async (end) => {
    const trace = await api.app.runs.trace(runId, attempt);
    if (!trace) throw runNotFound(runId);
    return largeJson(call, traceResource(trace, viewOf(call.principal)), end);
  });
}
