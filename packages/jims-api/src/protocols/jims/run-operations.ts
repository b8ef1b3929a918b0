import * as v from 'valibot';

import { lastEventIdNames } from '../../http/last-event-id.ts';
import type { ErrorStatus, Operation, OperationParameter } from '../../http/operation.ts';
import { RUN_INCLUDES, RunResource } from './resources.ts';
import { NewRunBody } from './runs.ts';
import { threadId } from './thread-operations.ts';

const tags = ['runs'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];

const runId: OperationParameter = {
  name: 'run_id',
  in: 'path',
  required: true,
  description: 'The run',
  schema: v.pipe(v.string(), v.uuid()),
};

const runInclude: OperationParameter = {
  name: 'include',
  in: 'query',
  description: 'More in its result: `usage`, what models were used',
  schema: v.picklist(RUN_INCLUDES),
};

/** A header of every route that starts a run. */
export const idempotencyKey: OperationParameter = {
  name: 'idempotency-key',
  in: 'header',
  description:
    'The same key with the same body is the same run: its answer, or its live stream; kept for a day',
  schema: v.string(),
};

/** How the OpenAPI document describes runs. */
export const runOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/api/v1/threads/:thread_id/runs',
    operationId: 'start_run',
    summary: 'Send a message, and look for the answer later',
    tags,
    parameters: [threadId, idempotencyKey],
    request: NewRunBody,
    responses: {
      202: { description: 'Accepted; `location` is where to look', schema: RunResource },
    },
    errors: [400, 409, 413, 429, ...errors],
  },
  {
    method: 'GET',
    path: '/api/v1/runs/:run_id',
    operationId: 'get_run',
    summary: 'How a run stands, or how it ended',
    tags,
    parameters: [
      runId,
      {
        name: 'wait',
        in: 'query',
        description: 'Seconds to wait for its end, 60 at most',
        schema: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(60)),
      },
      runInclude,
    ],
    responses: { 200: { description: 'The run', schema: RunResource } },
    errors,
  },
  {
    method: 'GET',
    path: '/api/v1/runs/:run_id/stream',
    operationId: 'join_run',
    summary: 'Join the stream of a run',
    description:
      'The frames of `/api/v1/chat/stream` with ids: what was missed after `Last-Event-ID`, then live, to the one last frame. 204 when that was seen already. A run that was lost and runs again begins with a frame `restarted`, when the id is of an earlier attempt: what was read of that one does not count.',
    tags,
    parameters: [
      runId,
      {
        name: 'include',
        in: 'query',
        description: 'As in a chat request, with commas; `thread,delta,event` unless given',
        schema: v.string(),
      },
      {
        name: 'last-event-id',
        in: 'header',
        description: 'The id of the last frame that was seen: `<attempt>.<number>`',
        schema: v.string(),
      },
      {
        name: 'after',
        in: 'query',
        description: 'Instead of the header `Last-Event-ID`',
        schema: v.string(),
      },
      ...lastEventIdNames('after'),
    ],
    responses: {
      200: { description: 'The run, live', contentType: 'text/event-stream' },
      204: { description: 'Its end was seen already' },
    },
    errors: [400, 429, ...errors],
  },
  {
    method: 'POST',
    path: '/api/v1/runs/:run_id/cancel',
    operationId: 'cancel_run',
    summary: 'Stop a run, wherever it runs',
    description: 'What the user has seen of it is kept; its streams end with `cancelled`.',
    tags,
    parameters: [runId, runInclude],
    responses: {
      200: { description: 'It was over already', schema: RunResource },
      202: { description: 'It is told to stop', schema: RunResource },
    },
    errors,
  },
];
