import { EXAMPLE_ANSWER } from '../../chat/example-answer.ts';
import type { ErrorStatus, Operation } from '../../http/operation.ts';
import { idempotencyKey, runOperations } from './run-operations.ts';
import { ChatRequestBody, ChatResponseBody } from './schemas.ts';
import { threadOperations } from './thread-operations.ts';

const tags = ['chat'];
const errors: readonly ErrorStatus[] = [400, 401, 403, 404, 413, 422, 429, 503];

const STREAM = `event: status
data: {"status": "Thinking...", "type": "thinking"}

event: result
data: ${JSON.stringify(EXAMPLE_ANSWER)}

`;

const STREAM_EVENTS = `Server-Sent Events, each with JSON as its data:

- \`status\`: \`{status, type}\`, what the app is doing; any number
- \`result\`: a ChatResponse; the last one
- \`error\`: \`{detail, code?}\`; the last one, when the run failed
- \`cancelled\`: \`{run_id, reason, assistant_messages, events}\`; the last one, when the run was stopped

By \`include\` also:

- \`thread\`: \`{thread_id, created_new_thread, run_id}\`; the first one
- \`delta\`: \`{message_id, delta}\`, a piece of a message that is being written
- \`event\`: \`{event_id, event_type, event_data}\`, as soon as it is sent

A comment line comes now and then while nothing else does. Frames have ids when anything is included.
The run goes on when the client leaves, unless \`on_disconnect\` says otherwise, and can be joined again.`;

/** How the OpenAPI document describes JIMS's own protocol. */
export const jimsOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/api/v1/chat',
    operationId: 'chat',
    summary: 'Send a message, get the answer',
    description:
      'Continues the latest thread of the contact, or the one that is named, or opens one. A thread answers one message at a time, in the order they came.',
    tags,
    parameters: [idempotencyKey],
    request: ChatRequestBody,
    responses: {
      200: { description: 'The answer, stored', schema: ChatResponseBody, example: EXAMPLE_ANSWER },
    },
    errors: [...errors, 409, 500, 504],
  },
  {
    method: 'POST',
    path: '/api/v1/chat/stream',
    operationId: 'chat_stream',
    summary: 'Send a message, follow the answer',
    description: STREAM_EVENTS,
    tags,
    parameters: [idempotencyKey],
    request: ChatRequestBody,
    responses: {
      200: { description: 'The run, live', contentType: 'text/event-stream', example: STREAM },
    },
    errors: [...errors, 409],
  },
  ...threadOperations,
  ...runOperations,
];
