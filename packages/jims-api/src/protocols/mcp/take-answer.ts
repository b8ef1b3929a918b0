import { isJimsError } from 'jims-core';
import type { QuestionRecord } from 'jims-core';

import { userEvent } from '../../chat/messages.ts';
import { startRun } from '../../chat/start-run.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { contactInQuery, mayReach } from '../../http/contact.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { RpcResponse } from '../json-rpc.ts';
import { Elicitations, messageIn, questionOf } from './elicitation.ts';

/**
 * Takes what a client says to an elicitation: an answer goes on with the run that asked, a refusal
 * withdraws the question. When the client could not ask, or says that its user answered and not what, the
 * question stays open.
 *
 * @throws JimsError when the answer is not accepted.
 */
export async function takeAnswer(
  api: ApiContext,
  call: Call,
  { id, result }: RpcResponse,
): Promise<void> {
  const question = await openQuestion(api, call, questionOf(id));
  if (!question) return;
  const { questionId } = question;
  const calls = Elicitations.of(api);
  const message = result && messageIn(question, result);
  try {
    if (message !== undefined) await startRun(api, call, answeringRun(question, message));
    else if (result && result['action'] !== 'accept') await api.app.runs.cancel(question.runId);
    else return calls.giveUp(questionId);
    calls.wake(questionId);
  } catch (error) {
    if (isJimsError(error) && error.code === 'question_closed') return;
    calls.giveUp(questionId);
    throw error;
  }
}

/** The question, when it is one to the user in a thread of the caller's. */
async function openQuestion(
  api: ApiContext,
  call: Call,
  questionId: string | undefined,
): Promise<QuestionRecord | undefined> {
  const question = questionId && (await api.app.questions.find(questionId));
  if (!question || question.audience !== 'contact' || question.state !== 'open') return undefined;
  return mayReach(api, call, question, contactInQuery(call)) ? question : undefined;
}

/** The run that an answer of the user starts. */
export function answeringRun(
  { questionId, threadId, contactId }: QuestionRecord,
  message: string,
): ClientRunRequest {
  return {
    thread: { kind: 'thread', threadId, ...(contactId !== undefined && { contactId }) },
    incoming: userEvent(message, undefined, questionId),
    answer: { kind: 'question', questionId, audience: 'contact' },
    onDisconnect: 'continue',
  };
}
