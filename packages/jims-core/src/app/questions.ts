import { JimsError } from '../errors/jims-error.ts';
import { QUESTION_ANSWERED } from '../run/new-question.ts';
import type { Run, RunRequest } from '../run/run.ts';
import type { QuestionList, QuestionQuery, QuestionRecord } from '../store/store.ts';
import { newEvent } from '../thread/event.ts';
import { identityOf } from '../thread/principal.ts';
import type { Principal } from '../thread/principal.ts';
import { requireFitting } from './answer-fit.ts';
import type { OpenApp } from './open-app.ts';

/** An answer to a question to a service. */
export interface AnswerRequest extends Pick<
  RunRequest,
  'idempotency' | 'requestId' | 'timeoutMs' | 'signal'
> {
  readonly questionId: string;
  /** Plain JSON. It must fit the schema of the question; the pipeline checks it once more. */
  readonly value: unknown;
  /** Who answers; the pipeline gets it as the answer's `by`, and its own principal stays as it is. */
  readonly by?: Principal;
}

/** The questions of an app's pipelines: `app.questions`. Every method may reject as `JimsApp.open` does. */
export class AppQuestions {
  readonly #app: OpenApp;

  /** @internal Made by the app. */
  constructor(app: OpenApp) {
    this.#app = app;
  }

  /** Gives all that is kept of a question; `undefined` for an unknown one. */
  async find(questionId: string): Promise<QuestionRecord | undefined> {
    const { store } = await this.#app.opened();
    return store.question(questionId);
  }

  /**
   * Gives questions, oldest first.
   *
   * @example
   * const { questions } = await app.questions.list({ audience: 'service', state: 'open', limit: 50 });
   */
  async list(query: QuestionQuery): Promise<QuestionList> {
    const { store } = await this.#app.opened();
    return store.listQuestions(query);
  }

  /**
   * Answers a question to a service: its pipeline goes on in the run that this resolves with. An answer
   * that does not fit is refused, and the question stays open.
   *
   * @throws JimsError `question_not_found`, `question_closed`, `question_expired`, `answer_invalid`; as
   * `app.runs.start`.
   * @example
   * const run = await app.questions.answer({ questionId, value: { approved: true } });
   */
  async answer({ questionId, value, by, ...request }: AnswerRequest): Promise<Run> {
    const { store, engine, logger } = await this.#app.opened();
    const question = await store.question(questionId);
    if (question?.audience !== 'service') {
      const reason = `There is no question '${questionId}' to a service`;
      throw new JimsError('question_not_found', reason);
    }
    // Of a question that is closed the store says so, or has the run of the same request.
    if (question.state === 'open') await requireFitting(question, value, logger);
    const { threadId, name } = question;
    return engine.start({
      ...request,
      thread: { kind: 'thread', threadId },
      incoming: newEvent(QUESTION_ANSWERED, {
        question_id: questionId,
        ...(name !== undefined && { name }),
        value,
        ...(by && { by: identityOf(by) }),
      }),
      answer: { kind: 'question', questionId, audience: 'service' },
      onBusy: 'queue',
    });
  }
}
