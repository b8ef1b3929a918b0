import type { QuestionRecord } from 'jims-core';

import { agentMessage, timestamp } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import type { Message, TaskStatus } from './wire.ts';

/** A task that has asked: it waits for its user, or works on until a service has answered. */
export function statusOfQuestion(
  run: TaskRun,
  question: QuestionRecord,
  at: string | undefined,
): TaskStatus {
  const { state, audience, reason, closedAt } = question;
  if (state === 'withdrawn') {
    const text = reason && WORDS_OF_WITHDRAWN[reason];
    return {
      state: 'TASK_STATE_CANCELED',
      timestamp: timestamp(closedAt),
      ...(text !== undefined && { message: agentMessage(run, `${run.id}:end`, text) }),
    };
  }
  if (state !== 'open' || audience === 'service') {
    return { state: 'TASK_STATE_WORKING', timestamp: timestamp(at) };
  }
  const message = questionMessage(run, question);
  return { state: 'TASK_STATE_INPUT_REQUIRED', timestamp: timestamp(at), message };
}

const WORDS_OF_WITHDRAWN = {
  cancelled: undefined,
  declined: 'Its question was declined',
  superseded: 'A newer question took its place',
  replaced: 'Its conversation was replaced by another one',
} as const;

/** A question to the user, as the message of its agent. */
export function questionMessage(
  run: Pick<TaskRun, 'id' | 'thread'>,
  { questionId, text = '', buttons, schema }: QuestionRecord,
): Message {
  const metadata = {
    question_id: questionId,
    ...(buttons && { buttons }),
    ...(schema && { schema }),
  };
  return { ...agentMessage(run, questionId, text), metadata };
}
