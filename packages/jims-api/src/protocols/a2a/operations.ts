import * as v from 'valibot';

import type { ErrorStatus, Operation, OperationParameter } from '../../http/operation.ts';
import { SendParams } from './decode.ts';

const tags = ['a2a'];
const errors: readonly ErrorStatus[] = [400, 401, 413, 429, 503];

const RpcRequest = v.pipe(
  v.object({
    jsonrpc: v.literal('2.0'),
    id: v.union([v.string(), v.number()]),
    method: v.pipe(
      v.string(),
      v.description('SendMessage, SendStreamingMessage, GetTask, CancelTask or SubscribeToTask'),
    ),
    params: v.optional(v.looseObject({})),
  }),
  v.title('A2ARequest'),
);

const TASK = {
  id: '0190d3a0-abcd-7222-8333-444444444446',
  contextId: 'chat-1',
  status: { state: 'TASK_STATE_COMPLETED', timestamp: '2026-11-24T08:00:00.000Z' },
  artifacts: [
    { artifactId: '0190d3a0-abcd-7222-8333-444444444447', parts: [{ text: 'You said: Hello' }] },
  ],
  metadata: { thread_id: '0190d3a0-abcd-7222-8333-444444444445' },
};
const UPDATE = { statusUpdate: { taskId: TASK.id, contextId: 'chat-1', status: TASK.status } };

const stream = {
  description: 'The task, then its updates to the last one',
  contentType: 'text/event-stream',
  example: `data: ${JSON.stringify(UPDATE)}\n\n`,
};

function task(description: string): OperationParameter {
  return { name: 'task', in: 'path', required: true, description, schema: v.string() };
}

/** How the OpenAPI document describes this protocol. */
export const a2aOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/.well-known/agent-card.json',
    operationId: 'a2a_agent_card',
    summary: 'Who this agent is, and where it is asked',
    tags,
    open: true,
    responses: { 200: { description: 'The agent card' } },
  },
  {
    method: 'POST',
    path: '/a2a',
    operationId: 'a2a',
    summary: 'Agent2Agent over JSON-RPC: 1.0, and 0.3 by its own methods',
    tags,
    request: RpcRequest,
    responses: {
      200: {
        description: 'A result or an error of JSON-RPC; a stream of them for the streaming methods',
        example: { jsonrpc: '2.0', id: 1, result: { task: TASK } },
      },
    },
    errors,
  },
  {
    method: 'POST',
    path: '/a2a/rest/message:send',
    operationId: 'a2a_send',
    summary: 'Agent2Agent over HTTP+JSON: send a message',
    tags,
    request: SendParams,
    responses: { 200: { description: 'The task, when it is over', example: { task: TASK } } },
    errors,
  },
  {
    method: 'POST',
    path: '/a2a/rest/message:stream',
    operationId: 'a2a_stream',
    summary: 'Agent2Agent over HTTP+JSON: send a message, follow the task',
    tags,
    request: SendParams,
    responses: { 200: stream },
    errors,
  },
  {
    method: 'GET',
    path: '/a2a/rest/tasks',
    operationId: 'a2a_list_tasks',
    summary: 'Not supported: tasks are not listed',
    tags,
    responses: {},
    errors: [400, 401],
  },
  {
    method: 'GET',
    path: '/a2a/rest/tasks/:task',
    operationId: 'a2a_get_task',
    summary: 'A task as it is now',
    tags,
    parameters: [task('The id of a task; with :subscribe behind it, its stream')],
    responses: { 200: { description: 'The task', example: TASK } },
    errors: [400, 401, 404],
  },
  {
    method: 'POST',
    path: '/a2a/rest/tasks/:task',
    operationId: 'a2a_change_task',
    summary: 'Stop a task, or follow it',
    tags,
    parameters: [task('The id of a task with :cancel or :subscribe behind it')],
    responses: { 200: { description: 'The stopped task, or the stream', example: TASK } },
    errors: [400, 401, 404, 429, 503],
  },
];
