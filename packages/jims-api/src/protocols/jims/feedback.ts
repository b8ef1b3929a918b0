import type { FeedbackRecord } from 'jims-core';
import * as v from 'valibot';

import { toCursor } from '../../http/cursor.ts';
import { uuid } from '../../http/fastapi/fields.ts';
import { parseBody } from '../../http/fastapi/validation.ts';
import { json, largeJson } from '../../http/json-answer.ts';
import { list } from '../../http/list.ts';
import { inPath } from '../../http/parameters.ts';
import { cursorIn, uuidInPath } from '../../http/query.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Parameter, Route } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { PAGE, limitIn, pageDoc } from './pages.ts';
import { THREAD_ID, reachableThread } from './threads.ts';

const MAX_COMMENT = 4000;
const MAX_TAGS = 10;
const MAX_TAG = 64;

const PATH = '/api/v1/threads/:thread_id/messages/:event_id/feedback';

const EVENT_ID: Parameter = inPath('event_id', 'The event of a message by the assistant');

const value = v.picklist(['up', 'down']);

const FeedbackBody = titled(
  'NewFeedback',
  {
    value,
    comment: described(
      v.nullish(v.pipe(v.string(), v.maxLength(MAX_COMMENT))),
      'What the contact says about it',
    ),
    tags: described(
      v.nullish(list(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MAX_TAG)), MAX_TAGS)),
      'Words of the client’s own, such as `too-long`',
    ),
  },
  { examples: [{ value: 'down', comment: 'Too long' }] },
);

export const FeedbackResource = titled('Feedback', {
  thread_id: uuid,
  message_id: uuid,
  value,
  comment: v.nullable(v.string()),
  tags: v.array(v.string()),
});

const tags = ['threads'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];

export const feedbackRoutes: readonly Route[] = [
  route.get('/api/v1/threads/:thread_id/feedback', listFeedback, {
    operationId: 'list_feedback',
    summary: 'What the contact thinks of the messages of a thread',
    description: 'The feedback that counts now, oldest first.',
    tags,
    parameters: [THREAD_ID, ...PAGE],
    responses: { 200: pageDoc('FeedbackPage', 'feedback', FeedbackResource) },
    errors: [...errors, 429],
  }),
  route.put(PATH, giveFeedback, {
    operationId: 'give_feedback',
    summary: 'Say what the contact thinks of a message',
    description: 'The last one counts. The same once more changes nothing.',
    tags,
    parameters: [THREAD_ID, EVENT_ID],
    request: FeedbackBody,
    responses: { 200: { description: 'It is kept', schema: FeedbackResource } },
    errors: [400, 413, ...errors],
  }),
  route.delete(PATH, withdrawFeedback, {
    operationId: 'withdraw_feedback',
    summary: 'Take the feedback on a message back',
    tags,
    parameters: [THREAD_ID, EVENT_ID],
    responses: { 204: { description: 'The message has no feedback' } },
    errors,
  }),
];

async function listFeedback(api: ApiContext, call: Call): Promise<Response> {
  const { id: threadId } = await reachableThread(api, call);
  const cursor = cursorIn(call);
  const after = cursor && { at: cursor.createdAt, messageId: cursor.id };
  const limit = limitIn(call);
  return answerInTurn(api, call, async (end) => {
    const query = { threadId, limit, ...(after && { after }) };
    const { feedback, more } = await api.app.threads.listFeedback(query);
    const last = more ? feedback.at(-1) : undefined;
    const page = {
      feedback: feedback.map(feedbackResource),
      next_cursor: last ? toCursor({ createdAt: last.at, id: last.messageId }) : null,
    };
    return largeJson(call, page, end);
  });
}

async function giveFeedback(api: ApiContext, call: Call): Promise<Response> {
  const body = parseBody(FeedbackBody, await call.body());
  const { id, messageId } = await messageOf(api, call);
  const comment = body.comment?.trim() ?? '';
  const names = [...new Set(body.tags)];
  const feedback = { value: body.value, comment, tags: names };
  await api.app.threads.setFeedback(id, messageId, feedback);
  return json(call, feedbackResource({ threadId: id, messageId, ...feedback }));
}

export function feedbackResource({
  threadId,
  messageId,
  value: given,
  comment,
  tags: names = [],
}: Omit<FeedbackRecord, 'at'>): v.InferOutput<typeof FeedbackResource> {
  return {
    thread_id: threadId,
    message_id: messageId,
    value: given,
    comment: comment || null,
    tags: [...names],
  };
}

async function withdrawFeedback(api: ApiContext, call: Call): Promise<Response> {
  const { id, messageId } = await messageOf(api, call);
  await api.app.threads.setFeedback(id, messageId, undefined);
  return new Response(null, { status: 204, headers: call.headers });
}

async function messageOf(
  api: ApiContext,
  call: Call,
): Promise<{ readonly id: string; readonly messageId: string }> {
  const messageId = uuidInPath(call, 'event_id');
  const { id } = await reachableThread(api, call);
  return { id, messageId };
}
