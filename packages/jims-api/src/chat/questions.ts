// What a message has to do with the questions of pipelines.
import type { JimsApp, QuestionRecord, Run, RunRequest, RunThread } from 'jims-core';
import * as v from 'valibot';

import { mayReach } from '../http/contact.ts';
import { HttpError } from '../http/errors.ts';
import { uuid } from '../http/fastapi/fields.ts';
import { fieldError } from '../http/fastapi/validation.ts';
import type { ApiContext, Call } from '../http/route.ts';
import { described } from '../http/schema.ts';
import { namedThread } from './named-thread.ts';

/** The members of a request body that say which question a message answers. */
export const answerFields = {
  answers: described(
    v.nullish(uuid),
    'The question that the message answers, in whatever thread of the contact. When it is not open: 409 `question_closed` or 410 `question_expired`, and nothing is stored. Without it the message answers the open question of its thread, if there is one',
  ),
  answer: described(
    v.optional(v.boolean(), true),
    '`false`: the message answers no question, and the open question of its thread is withdrawn',
  ),
};

/**
 * Converts {@link answerFields} to an option of a run.
 *
 * @throws HttpError 422 for a message that is to answer and to decline.
 */
export function answerOption({
  answers,
  answer,
}: {
  readonly answers?: string | null | undefined;
  readonly answer: boolean;
}): Pick<RunRequest, 'answer'> {
  if (typeof answers !== 'string') return answer ? {} : { answer: { kind: 'decline' } };
  if (answer) return { answer: { kind: 'question', questionId: answers, audience: 'contact' } };
  const reason = 'a message that answers a question cannot decline it';
  throw fieldError('answer', answer, reason);
}

/**
 * The thread of a question to a contact, for a run that answers it.
 *
 * @throws HttpError 404 for a question that does not exist, is to a service or to another contact.
 */
export async function threadOfQuestion(
  api: ApiContext,
  call: Call,
  { questionId, contactId }: { readonly questionId: string; readonly contactId: string },
): Promise<RunThread> {
  const question = await api.app.questions.find(questionId);
  const isTheirs =
    question?.audience === 'contact' &&
    mayReach(api, call, { contactId: question.contactId }, contactId);
  if (!isTheirs) throw questionNotFound(questionId);
  return namedThread(api, call, { threadId: question.threadId, contactId });
}

/** The question of a run that is over, as it stands now; `undefined` where that is known from the run. */
export async function questionNow(app: JimsApp, run: Run): Promise<QuestionRecord | undefined> {
  if (!run.endPosition) return undefined;
  const end = await run.end;
  const question = end.type === 'result' ? end.result.question : undefined;
  return question?.state === 'open' ? app.questions.find(question.questionId) : undefined;
}

export function questionNotFound(questionId: string): HttpError {
  return new HttpError(404, `Question '${questionId}' not found`, { code: 'question_not_found' });
}

/** For a service that would answer it in the contact's place. */
export function questionToContact(questionId: string): HttpError {
  return new HttpError(
    404,
    `Question '${questionId}' is to the contact: a message with "answers": "${questionId}" answers it`,
    { code: 'question_not_found' },
  );
}
