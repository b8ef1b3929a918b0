import type { DatabaseSync } from 'node:sqlite';

import type { QuestionList, QuestionQuery, StandingWork } from '../store.ts';
import { toHex } from './columns.ts';
import { Conditions, ListStatements } from './list-statements.ts';
import { QUESTION, toQuestion } from './question-row.ts';
import type { QuestionRow } from './question-row.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

const SQL = {
  // Once for each status, because each status has an index of its own.
  standing: sql<
    readonly [runs: number, questions: number]
  >(`SELECT (SELECT count(*) FROM jims_runs WHERE status = 'running' AND durable)
          + (SELECT count(*) FROM jims_runs WHERE status = 'queued' AND durable),
       (SELECT count(*) FROM jims_questions WHERE state = 'open')`),
};

/** Lists and counts questions. */
export class QuestionLists {
  readonly #lists: ListStatements<QuestionRow>;
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#lists = new ListStatements(db);
    this.#sql = prepareAll(db, SQL);
  }

  list({ audience, threadId, contactId, state, after, limit }: QuestionQuery): QuestionList {
    const where = new Conditions();
    if (audience !== undefined) where.add('q.audience = ?', audience);
    if (threadId !== undefined) where.add('q.thread_id = ?', toHex(threadId));
    if (contactId !== undefined) where.add('t.contact_id = ?', contactId);
    // A parameter would not let it use the index of open questions.
    if (state === 'open') where.add(`q.state = 'open'`);
    else if (state !== undefined) where.add('q.state = ?', state);
    if (after !== undefined) where.add(`(q.asked_at, q.question_id) > ${POSITION}`, toHex(after));
    const text = `SELECT ${QUESTION} FROM jims_questions q JOIN threads t USING (thread_id)
       WHERE ${where.text} ORDER BY q.asked_at, q.question_id`;
    const rows = this.#lists.rows(text, where.values);
    const { rows: taken, more } = boundedRows(rows, { limit }, sizeOf);
    return { questions: taken.map(toQuestion), more };
  }

  /** What a start on this file would recover and expire. */
  standing(): StandingWork {
    const [runs = 0, questions = 0] = this.#sql.standing.get() ?? [];
    return { runs, questions };
  }
}

const POSITION = '(SELECT asked_at, question_id FROM jims_questions WHERE question_id = ?)';

function sizeOf(row: QuestionRow): number {
  return row.reduce<number>((sum, value) => sum + String(value ?? '').length, 0);
}
