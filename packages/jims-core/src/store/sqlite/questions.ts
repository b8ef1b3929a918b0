import type { DatabaseSync } from 'node:sqlite';

import { SUPERSEDED } from '../../thread/thread.ts';
import type { NewQuestion, QuestionRecord, Withdrawn } from '../store.ts';
import { hexOrNull, jsonOrNull, listParameter, storedNow, toHex } from './columns.ts';
import { QUESTION, toQuestion } from './question-row.ts';
import type { QuestionRow } from './question-row.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { formatMicros } from './timestamp.ts';

const FROM = 'FROM jims_questions q JOIN threads t USING (thread_id)';

const SQL = {
  byId: sql<QuestionRow>(`SELECT ${QUESTION} ${FROM} WHERE q.question_id = ?`),
  openContact: sql<QuestionRow>(
    `SELECT ${QUESTION} ${FROM} WHERE q.thread_id = ? AND q.state = 'open' AND q.audience = 'contact'`,
  ),
  due: sql<QuestionRow>(
    `SELECT ${QUESTION} ${FROM} WHERE q.state = 'open' AND q.expires_at <= ?
     ORDER BY q.expires_at LIMIT ?`,
  ),
  openToServices: sql<readonly [number]>(
    `SELECT count(*) FROM jims_questions
     WHERE thread_id = ? AND state = 'open' AND audience = 'service'`,
  ),
  insert: `INSERT INTO jims_questions (question_id, chain_id, run_id, thread_id, audience, name, text, data,
       schema, buttons, accepts, contents, early, tell, asked_at, expires_at, state)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`,
  close: `UPDATE jims_questions SET state = ?2, reason = ?3, answered_by = ?4, closed_at = ?5
     WHERE question_id = ?1 AND state = 'open'`,
  closeAll: `UPDATE jims_questions SET state = 'withdrawn', reason = 'replaced', closed_at = ?3
     WHERE state = 'open' AND thread_id IN (
       SELECT thread_id FROM threads WHERE external_id = ?1 AND contact_id = ?2)`,
  removeOpen: `DELETE FROM jims_questions WHERE thread_id = ? AND state = 'open'`,
  removeSome: `DELETE FROM jims_questions WHERE rowid IN (
       SELECT rowid FROM jims_questions WHERE thread_id = ? LIMIT ?)`,
  remove: 'DELETE FROM jims_questions WHERE question_id IN (SELECT value FROM json_each(?))',
};

/** Who asks a question. */
export interface AskingRun {
  readonly runId: string;
  readonly chainId: string;
  readonly threadId: string;
}

/** How a question ends. */
export interface Closing {
  readonly state: 'answered' | 'expired' | 'withdrawn';
  readonly reason?: Withdrawn;
  /** The run that goes on. */
  readonly runId?: string | undefined;
}

/** The rows of `jims_questions`. Call writes inside a transaction. */
export class QuestionRows {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  byId(questionId: string): QuestionRecord | undefined {
    return found(this.#sql.byId.get(toHex(questionId)));
  }

  /** The question that the contact of a thread is asked. */
  openIn(threadId: string): QuestionRecord | undefined {
    return found(this.#sql.openContact.get(toHex(threadId)));
  }

  /** Open questions whose time is over, the longest of them first. */
  due(limit: number): readonly QuestionRecord[] {
    return this.#sql.due.all(storedNow(), limit).map(toQuestion);
  }

  /** How many questions to services a thread has open. */
  openToServices(threadId: string): number {
    return this.#sql.openToServices.get(toHex(threadId))?.[0] ?? 0;
  }

  insert({ runId, chainId, threadId }: AskingRun, question: NewQuestion): void {
    const { audience, name, text, data, schema, buttons, accepts, contents } = question;
    const now = Date.now();
    this.#sql.insert.run(
      toHex(question.questionId),
      toHex(chainId),
      toHex(runId),
      toHex(threadId),
      audience,
      name ?? null,
      text ?? null,
      jsonOrNull(data),
      jsonOrNull(schema),
      jsonOrNull(buttons),
      JSON.stringify(accepts),
      jsonOrNull(contents),
      Number(question.early),
      Number(question.tell),
      formatMicros(now * 1000),
      formatMicros((now + question.expiresInMs) * 1000),
    );
  }

  close(questionId: string, { state, reason, runId }: Closing): void {
    this.#sql.close.run(toHex(questionId), state, reason ?? null, hexOrNull(runId), storedNow());
  }

  /** Withdraws the questions of the contact's threads that a thread has superseded. */
  closeReplaced(contactId: string, threadId: string): void {
    this.#sql.closeAll.run(SUPERSEDED + threadId, contactId, storedNow());
  }

  removeOpen(threadId: string): void {
    this.#sql.removeOpen.run(toHex(threadId));
  }

  /** Removes questions of a thread, and returns how many there were. */
  removeSome(threadId: string, limit: number): number {
    return Number(this.#sql.removeSome.run(toHex(threadId), limit).changes);
  }

  /** Removes questions, given by their ids as they are stored. */
  remove(ids: readonly string[]): void {
    this.#sql.remove.run(listParameter(ids));
  }
}

function found(row: QuestionRow | undefined): QuestionRecord | undefined {
  return row && toQuestion(row);
}
