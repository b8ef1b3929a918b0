import type { DatabaseSync } from 'node:sqlite';

import type { QuestionList, QuestionQuery, StandingWork } from '../store.ts';
import { toHex } from './columns.ts';
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
  readonly #db: DatabaseSync;
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#sql = prepareAll(db, SQL);
  }

  list({ audience, threadId, contactId, state, after, limit }: QuestionQuery): QuestionList {
    // A condition for a filter that is not wanted would keep SQLite from using an index.
    const conditions: string[] = [];
    const values: string[] = [];
    function where(condition: string, ...given: readonly string[]): void {
      conditions.push(condition);
      values.push(...given);
    }
    if (audience !== undefined) where('q.audience = ?', audience);
    if (threadId !== undefined) where('q.thread_id = ?', toHex(threadId));
    if (contactId !== undefined) where('t.contact_id = ?', contactId);
    // A parameter would not let it use the index of open questions.
    if (state === 'open') where(`q.state = 'open'`);
    else if (state !== undefined) where('q.state = ?', state);
    if (after !== undefined) where(`(q.asked_at, q.question_id) > ${POSITION}`, toHex(after));
    const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const text = `SELECT ${QUESTION} FROM jims_questions q JOIN threads t USING (thread_id)
       ${filter} ORDER BY q.asked_at, q.question_id`;
    const rows = prepareAll(this.#db, { list: sql<QuestionRow>(text) }).list.iterate(...values);
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
