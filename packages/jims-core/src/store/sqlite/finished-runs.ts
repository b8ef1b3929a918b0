import type { DatabaseSync } from 'node:sqlite';

import { RETRIED_CODES, RETRIED_FOR_MS } from '../store.ts';
import type { RunStatus } from '../store.ts';
import { parseStoredObject, storedBefore } from './columns.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { Tables } from './tables.ts';

/** How many chains one look for old journals is at. */
const LOOK_AT_CHAINS = 500;

type OldRow = readonly [ticket: number, questionId: string | null];
type ChainRow = readonly [
  status: RunStatus,
  finishedAt: string | null,
  error: string | null,
  isOpen: number,
];

const CHAIN_RUN = `r.ticket, r.status, r.finished_at, r.error, coalesce(q.state = 'open', 0) AS is_open
       FROM jims_runs r LEFT JOIN jims_questions q ON q.question_id = r.question_id`;

const SQL = {
  // The oldest runs have the lowest tickets, so no index by time is needed. Old ones are passed over when
  // their chain goes on, or when its newest run is not old: a chain goes as a whole.
  old: sql<OldRow>(`SELECT ticket, question_id FROM (
       SELECT ticket, finished_at, question_id FROM jims_runs r
       WHERE (r.question_id IS NULL AND r.chain_id IS NULL)
         OR coalesce(r.finished_at >= ?1, 1)
         OR NOT (
           EXISTS (
             SELECT 1 FROM jims_questions q WHERE q.question_id = r.question_id AND q.state = 'open')
           OR EXISTS (
             SELECT 1 FROM jims_runs c LEFT JOIN jims_questions q ON q.question_id = c.question_id
             WHERE c.chain_id = coalesce(r.chain_id, r.run_id)
               AND (coalesce(c.finished_at >= ?1, 1) OR q.state = 'open')))
       ORDER BY ticket LIMIT ?2)
     WHERE finished_at < ?1`),
  remove: 'DELETE FROM jims_runs WHERE ticket IN (SELECT value FROM json_each(?))',
  chain: sql<ChainRow>(`SELECT status, finished_at, error, is_open FROM (
       SELECT ${CHAIN_RUN} WHERE r.run_id = ?1
       UNION ALL
       SELECT ${CHAIN_RUN} WHERE r.chain_id = ?1)
     ORDER BY ticket`),
};

/** Removes what is not needed of finished runs. Call its methods inside a transaction. */
export class FinishedRuns {
  readonly #tables: Pick<Tables, 'questions' | 'journal' | 'outbox'>;
  readonly #sql: Statements<typeof SQL>;
  /** Where the look for old journals goes on. */
  #lookedAt = '';

  constructor(db: DatabaseSync, tables: Pick<Tables, 'questions' | 'journal' | 'outbox'>) {
    this.#tables = tables;
    this.#sql = prepareAll(db, SQL);
  }

  /** Removes old runs with the questions that they asked and who subscribed to them; returns how many. */
  removeOld(ageMs: number, limit: number): number {
    const rows = this.#sql.old.all(storedBefore(ageMs), limit);
    if (rows.length === 0) return 0;
    const questions = rows.flatMap(([, id]) => (id === null ? [] : [id]));
    if (questions.length > 0) this.#tables.questions.remove(questions);
    const tickets = rows.map(([ticket]) => ticket);
    this.#tables.outbox.removeOfRuns(tickets);
    this.#sql.remove.run(JSON.stringify(tickets));
    return rows.length;
  }

  /** Removes journals of chains that are over and are not executed once more. */
  removeJournals(left: { rows: number; bytes: number }): { readonly more: boolean } {
    const { journal } = this.#tables;
    for (let count = 0; count < LOOK_AT_CHAINS; count++) {
      const chain = journal.nextChain(this.#lookedAt);
      if (chain === undefined) {
        this.#lookedAt = '';
        return { more: false };
      }
      if (this.#isOver(chain)) {
        const bounds = { limit: left.rows, maxBytes: left.bytes };
        const removed = journal.deleteSome([chain], bounds);
        left.rows -= removed.rows;
        left.bytes -= removed.bytes;
        if (removed.more) return { more: true };
      }
      this.#lookedAt = chain;
      if (left.rows <= 0 || left.bytes <= 0) return { more: true };
    }
    return { more: true };
  }

  /** A chain whose runs are gone is over, too. */
  #isOver(chain: string): boolean {
    const runs = this.#sql.chain.all(chain);
    if (runs.some(([, finishedAt, , isOpen]) => finishedAt === null || isOpen === 1)) return false;
    const [status, finishedAt, error] = runs.at(-1) ?? [];
    if (status === undefined || status === 'completed') return true;
    const { code } = parseStoredObject(error ?? null);
    const isRetried =
      status === 'failed' || RETRIED_CODES.includes(String(code)) || code === 'disconnected';
    return !isRetried || (finishedAt ?? '') < storedBefore(RETRIED_FOR_MS);
  }
}
