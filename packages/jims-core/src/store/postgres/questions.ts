import type { ChainStore, QuestionRecord, StandingWork } from '../store.ts';
import type { Database } from './database.ts';
import { areUuids, uuidOrNull } from './parameters.ts';
import type { Row } from './rows.ts';

/** A question as `jims.question_json` makes it. */
export type QuestionRow = Row<QuestionRecord>;

type Questions = Pick<ChainStore, 'question' | 'listQuestions' | 'standing'>;

/** Questions that runs ended with. */
export function questionStore(db: Database): Questions {
  return {
    async question(questionId) {
      const [row] = await db.query<{ question: QuestionRow }>(
        // Nothing is found of a thread that is being erased.
        `select jims.question_json(q) as question
         from jims.questions q join original.threads using (thread_id) where question_id = $1`,
        [uuidOrNull(questionId)],
      );
      return row && toQuestion(row.question);
    },

    async listQuestions({ audience, threadId, contactId, state, after, limit }) {
      if (!areUuids(threadId, after)) return { questions: [], more: false };
      const filters = { audience, thread_id: threadId, contact_id: contactId, state };
      const list = { ...filters, after, limit };
      const { items, more } = await db.listOf<QuestionRow>('list_questions', list);
      return { questions: items.map(toQuestion), more };
    },

    async standing() {
      const [row] = await db.query<{ runs: number; questions: number }>(
        `select
           (select count(*)::integer from jims.runs
            where status in ('queued', 'running') and durable) as runs,
           (select count(*)::integer from jims.questions where state = 'open') as questions`,
      );
      const { runs = 0, questions = 0 }: Partial<StandingWork> = row ?? {};
      return { runs, questions };
    },
  };
}

export function toQuestion(row: QuestionRow): QuestionRecord {
  const { name, text, data, schema, buttons, contents } = row;
  return {
    questionId: row.questionId,
    chainId: row.chainId,
    runId: row.runId,
    threadId: row.threadId,
    contactId: row.contactId ?? undefined,
    audience: row.audience,
    ...(name !== null && { name }),
    ...(text !== null && { text }),
    ...(data !== null && { data }),
    ...(schema !== null && { schema }),
    ...(buttons !== null && { buttons }),
    accepts: row.accepts,
    ...(contents !== null && { contents }),
    early: row.early,
    tell: row.tell,
    state: row.state,
    reason: row.reason ?? undefined,
    answeredBy: row.answeredBy ?? undefined,
    askedAt: row.askedAt,
    expiresAt: row.expiresAt,
    closedAt: row.closedAt ?? undefined,
  };
}
