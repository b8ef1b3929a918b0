// What the frames of a stream are, for the OpenAPI document and the page of it.
import * as v from 'valibot';

import { jsonObject, uuid } from '../../http/fastapi/fields.ts';
import type { FrameDoc, ResponseDoc } from '../../http/route.ts';
import { described } from '../../http/schema.ts';
import { ChatResponseBody, said } from './schemas.ts';

const messageId = described(v.string(), 'The id that the message has, or will have');

const delta = v.object({ message_id: messageId, delta: v.string() });

/** A step, or a tool. */
const work = {
  id: v.string(),
  name: described(v.optional(v.string()), 'For services only'),
  title: v.optional(v.string()),
  status: v.picklist(['running', 'completed', 'failed']),
  input: described(v.optional(v.unknown()), 'For services only'),
  output: described(v.optional(v.unknown()), 'For services only'),
  error: described(v.optional(v.string()), 'For services only'),
};

/** The frames of a run, in the order in which a client may first see them. */
const RUN_FRAMES: readonly FrameDoc[] = [
  {
    event: 'thread',
    include: 'thread',
    description: 'The first frame: where the message went',
    schema: v.object({ thread_id: uuid, created_new_thread: v.boolean(), run_id: uuid }),
  },
  {
    event: 'status',
    description: 'What the app is doing; any number of them',
    schema: v.object({ status: v.string(), type: v.string() }),
  },
  {
    event: 'step',
    include: 'step',
    description:
      'A step of the pipeline begins, with its input; or it is over, with what came of it. Contacts get steps with a title only',
    schema: v.object(work),
  },
  {
    event: 'reasoning',
    include: 'reasoning',
    description: 'A piece of what a model thinks while it makes a message',
    schema: delta,
  },
  {
    event: 'tool',
    include: 'tool',
    description: 'A tool is called for a message, or has ended; as `step`',
    schema: v.object({ message_id: messageId, ...work }),
  },
  {
    event: 'source',
    include: 'source',
    description: 'Where something in a message comes from',
    schema: v.object({
      message_id: messageId,
      url: v.string(),
      title: v.optional(v.string()),
      excerpt: v.optional(v.string()),
    }),
  },
  {
    event: 'file',
    include: 'file',
    description: 'A file of a message',
    schema: v.object({
      message_id: messageId,
      file_id: uuid,
      name: v.string(),
      media_type: v.string(),
      size: v.number(),
    }),
  },
  {
    event: 'delta',
    include: 'delta',
    description: 'A piece of the text of a message that is being written',
    schema: delta,
  },
  {
    event: 'event',
    include: 'event',
    description: 'An event, as soon as it is sent; contacts get messages only',
    schema: v.object({ event_id: uuid, event_type: v.string(), event_data: jsonObject }),
  },
  {
    event: 'heartbeat',
    include: 'heartbeat',
    description: 'Nothing has come for about 8 seconds; it has no id',
    schema: v.object({}),
  },
  {
    event: 'restarted',
    description:
      'Only in a stream with ids. The run was lost and runs again: what came from an earlier attempt does not count',
    schema: v.object({ attempt: v.number() }),
  },
  {
    event: 'result',
    last: true,
    description:
      'The last frame of a run that succeeded: the answer, as `POST /api/v1/chat` has it',
    schema: ChatResponseBody,
  },
  {
    event: 'error',
    last: true,
    description: 'The last frame of a run that failed',
    schema: v.object({ detail: v.string(), code: v.optional(v.string()) }),
  },
  {
    event: 'cancelled',
    last: true,
    description: 'The last frame of a run that was stopped, with what was said until then',
    schema: v.object({
      run_id: uuid,
      reason: v.picklist(['cancelled', 'interrupted', 'disconnected', 'shutting_down']),
      ...said,
    }),
  },
];

/** The stream of a run, as an answer of a route. */
export function runStreamDoc(example?: string): ResponseDoc {
  return {
    description: 'The run, live',
    contentType: 'text/event-stream',
    frames: RUN_FRAMES,
    ...(example !== undefined && { example }),
  };
}
