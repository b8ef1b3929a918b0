import type { AcceptRequest, AcceptResult, AnswerRule, QuestionRecord } from '../store.ts';
import type { Asking } from './asking.ts';
import { storedNow } from './columns.ts';
import { isAnswerTo } from './question-answers.ts';
import type { Tables } from './tables.ts';
import { existingThread } from './target-thread.ts';
import type { ThreadLine } from './thread-line.ts';
import { toStoredTime } from './timestamp.ts';

/** What a message does to the questions of its thread, once it is accepted. */
export interface Answering {
  /** The question that it answers. */
  readonly answers?: QuestionRecord;
  /** The question that ends for it. */
  readonly ends?: { readonly question: QuestionRecord; readonly as: 'expired' | 'declined' };
}

type StrictRule = Extract<AnswerRule, { kind: 'question' }>;
type Refusal = Extract<
  AcceptResult,
  { kind: 'question_not_found' | 'question_expired' | 'question_closed' }
>;

/** Finds what messages have to do with questions. Call each method inside a transaction. */
export class AnswerRules {
  readonly #tables: Tables;
  readonly #line: ThreadLine;
  readonly #asking: Asking;

  constructor(tables: Tables, line: ThreadLine, asking: Asking) {
    this.#tables = tables;
    this.#line = line;
    this.#asking = asking;
  }

  /** Why a message cannot be the answer that it wants to be. A question whose time is over expires. */
  refusalOf(
    { questionId, audience }: StrictRule,
    target: AcceptRequest['thread'],
  ): Refusal | undefined {
    const question = this.#tables.questions.byId(questionId);
    const isThere =
      question?.audience === audience &&
      question.threadId === existingThread(this.#tables, target)?.id;
    if (!isThere) return { kind: 'question_not_found' };
    if (question.state === 'expired') return { kind: 'question_expired' };
    const { state, answeredBy } = question;
    if (state !== 'open') return { kind: 'question_closed', answeredBy };
    if (!isDue(question)) return undefined;
    this.end({ question, as: 'expired' });
    return { kind: 'question_expired' };
  }

  /** What an accepted message does in this thread. */
  of({ answer: rule, incoming }: AcceptRequest, threadId: string): Answering {
    const { questions } = this.#tables;
    if (!rule || rule.kind === 'none') return {};
    if (rule.kind === 'question') return answersIf(questions.byId(rule.questionId));
    const question = questions.openIn(threadId);
    if (!question) return {};
    if (isDue(question)) return { ends: { question, as: 'expired' } };
    if (rule.kind === 'decline') return { ends: { question, as: 'declined' } };
    return answersIf(isAnswerTo(question, incoming) ? question : undefined);
  }

  /** Ends a question; when the thread is free, its chain goes on at once. */
  end({ question, as }: NonNullable<Answering['ends']>): void {
    if (as === 'expired') this.#asking.expire(question);
    else this.#asking.withdraw(question, as);
    this.#line.startIfFree(question.threadId);
  }
}

function answersIf(question: QuestionRecord | undefined): Answering {
  return question ? { answers: question } : {};
}

function isDue({ expiresAt }: QuestionRecord): boolean {
  return toStoredTime(expiresAt) <= storedNow();
}
