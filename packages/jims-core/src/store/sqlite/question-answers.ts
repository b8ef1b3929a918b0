import type { NewEvent } from '../../thread/event.ts';
import type { QuestionRecord } from '../store.ts';

/** What decides whether a message answers a question. */
export type Acceptance = Pick<QuestionRecord, 'questionId' | 'accepts'> & {
  readonly contents?: readonly string[] | undefined;
};

/** Whether a question takes this message for its answer. */
export function isAnswerTo(
  { questionId, accepts, contents }: Acceptance,
  message: Pick<NewEvent, 'type' | 'data'> | undefined,
): boolean {
  if (!message || !accepts.includes(message.type)) return false;
  const { question_id: named, content } = message.data;
  if (typeof named === 'string' && named !== questionId) return false;
  return !contents || (typeof content === 'string' && contents.includes(content));
}
