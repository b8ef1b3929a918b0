import type { QuestionRecord } from 'jims-core';

import { agentMessage, timestamp } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import type { Message, TaskState, TaskStatus } from './wire.ts';

/** The state of a task that has asked: it waits for its user, or works on until a service has answered. */
export function stateOfQuestion({
  state,
  audience,
}: Pick<QuestionRecord, 'state' | 'audience'>): TaskState {
  if (state === 'withdrawn') return 'TASK_STATE_CANCELED';
  const waits = state === 'open' && audience === 'contact';
  return waits ? 'TASK_STATE_INPUT_REQUIRED' : 'TASK_STATE_WORKING';
}

/** A task that has asked. */
export function statusOfQuestion(
  run: TaskRun,
  question: QuestionRecord,
  at: string | undefined,
): TaskStatus {
  const state = stateOfQuestion(question);
  const { reason, closedAt } = question;
  const since = timestamp(closedAt ?? at);
  if (state === 'TASK_STATE_INPUT_REQUIRED') {
    return { state, timestamp: since, message: questionMessage(run, question) };
  }
  const text = reason && WORDS_OF_WITHDRAWN[reason];
  return {
    state,
    timestamp: since,
    ...(text !== undefined && { message: agentMessage(run, `${run.id}:end`, text) }),
  };
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
