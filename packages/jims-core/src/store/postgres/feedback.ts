import { cleanJson, cleanText } from '../../text/clean-text.ts';
import { newEvent } from '../../thread/event.ts';
import { FEEDBACK_GIVEN, FEEDBACK_WITHDRAWN } from '../../thread/message.ts';
import { messageNotFound, threadNotFound } from '../refusals.ts';
import { READ_BYTES } from '../thread-store.ts';
import type { Feedback, FeedbackRecord, ThreadStore } from '../thread-store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import type { Database } from './database.ts';
import { areUuids, uuidOrNull } from './parameters.ts';
import type { Row } from './rows.ts';

/** A feedback as `jims.list_feedback` makes it. */
type FeedbackRow = Row<FeedbackRecord>;

type FeedbackMethods = Pick<ThreadStore, 'setFeedback' | 'listFeedback'>;

/** What contacts think of messages. */
export function feedbackStore(db: Database, watchers: ThreadWatchers): FeedbackMethods {
  return {
    async setFeedback(threadId, messageId, feedback) {
      const { id, type, data } = eventOf(messageId, feedback);
      const result = await db.call<
        'changed' | 'unchanged' | 'thread_not_found' | 'message_not_found'
      >('set_feedback', {
        thread_id: uuidOrNull(threadId),
        message_id: uuidOrNull(messageId),
        event_id: id,
        type,
        data: cleanJson(data),
        value: feedback?.value,
        comment: feedback?.comment === undefined ? null : cleanText(feedback.comment),
        tags: feedback?.tags && cleanJson(feedback.tags),
      });
      if (result === 'thread_not_found') throw threadNotFound(threadId);
      if (result === 'message_not_found') throw messageNotFound(messageId);
      if (result === 'changed') watchers.wake(threadId);
      return result;
    },

    async listFeedback({ threadId, value, after, limit, maxBytes = READ_BYTES }) {
      if (!areUuids(threadId, after?.messageId)) return { feedback: [], more: false };
      const { items, more } = await db.listOf<FeedbackRow>('list_feedback', {
        thread_id: threadId,
        value,
        at: after?.at,
        message_id: after?.messageId,
        limit,
        max_bytes: maxBytes,
      });
      return { feedback: items.map(toFeedback), more };
    },
  };
}

function eventOf(messageId: string, feedback: Feedback | undefined): ReturnType<typeof newEvent> {
  if (!feedback) return newEvent(FEEDBACK_WITHDRAWN, { message_id: messageId });
  const { value, comment, tags } = feedback;
  return newEvent(FEEDBACK_GIVEN, {
    message_id: messageId,
    value,
    ...(comment !== undefined && { comment }),
    ...(tags && { tags }),
  });
}

function toFeedback({ comment, tags, ...row }: FeedbackRow): FeedbackRecord {
  return { ...row, ...(comment !== null && { comment }), ...(tags && { tags }) };
}
