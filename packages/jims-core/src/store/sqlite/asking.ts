import type { NewEvent } from '../../thread/event.ts';
import { MAX_SERVICE_QUESTIONS } from '../store.ts';
import type { NewQuestion, QuestionRecord, Withdrawn } from '../store.ts';
import type { ActiveRun } from './active-run.ts';
import { isAnswerTo } from './question-answers.ts';
import type { Tables } from './tables.ts';
import type { ThreadLine } from './thread-line.ts';

const EXPIRED = 'jims.question_expired';
const WITHDRAWN = 'jims.question_withdrawn';

/** How questions are asked, and how they end without an answer. Call each method inside a transaction. */
export class Asking {
  readonly #tables: Tables;
  readonly #line: ThreadLine;

  constructor(tables: Tables, line: ThreadLine) {
    this.#tables = tables;
    this.#line = line;
  }

  /** Whether a thread has as many open questions as it may. */
  isTooMuch(threadId: string, { audience }: NewQuestion): boolean {
    if (audience !== 'service') return false;
    return this.#tables.questions.openToServices(threadId) >= MAX_SERVICE_QUESTIONS;
  }

  /** Opens the question that a run has ended with. */
  open(run: ActiveRun, question: NewQuestion): void {
    const { questions, durable } = this.#tables;
    if (question.audience === 'contact') {
      const earlier = questions.openIn(run.threadId);
      if (earlier) this.withdraw(earlier, 'superseded');
    }
    questions.insert(run, question);
    durable.ask(run, question);
    if (question.early) this.#answerEarly(run, question);
  }

  /** Ends a question whose time is over; its chain goes on at the end of the queue. */
  expire(question: QuestionRecord): void {
    const { questionId, name } = question;
    const data = { question_id: questionId, ...(name !== undefined && { name }) };
    const runId = this.#line.goOn(question, { type: EXPIRED, data });
    this.#tables.questions.close(questionId, { state: 'expired', runId });
  }

  /** Its chain goes on at the end of the queue, if its pipeline wants to know; never after a cancel. */
  withdraw(question: QuestionRecord, reason: Exclude<Withdrawn, 'replaced'>): void {
    const { questionId, tell } = question;
    const isTold = tell && reason !== 'cancelled';
    const runId = isTold
      ? this.#line.goOn(question, withdrawnEvent(questionId, reason))
      : undefined;
    this.#tables.questions.close(questionId, { state: 'withdrawn', reason, runId });
  }

  #answerEarly({ threadId, chainId }: ActiveRun, question: NewQuestion): void {
    const { durable, questions } = this.#tables;
    const waiting = durable.freshIn(threadId);
    const answer = waiting.find(({ unstored }) => isAnswerTo(question, unstored));
    if (!answer) return;
    const { questionId } = question;
    durable.join(answer.runId, chainId, questionId);
    questions.close(questionId, { state: 'answered', runId: answer.runId });
  }
}

function withdrawnEvent(questionId: string, reason: Withdrawn): Omit<NewEvent, 'id'> {
  return { type: WITHDRAWN, data: { question_id: questionId, reason } };
}
