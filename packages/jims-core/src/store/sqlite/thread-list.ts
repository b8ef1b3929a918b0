import type { DatabaseSync } from 'node:sqlite';

import type { ThreadList, ThreadQuery } from '../store.ts';
import { toHex } from './columns.ts';
import { Conditions, ListStatements } from './list-statements.ts';
import { boundedRows } from './rows.ts';
import { ACTIVE_THREAD } from './thread-overviews.ts';
import type { ActiveThreadRow, ThreadOverviews } from './thread-overviews.ts';
import { toStoredTime } from './timestamp.ts';

type Filters = Omit<ThreadQuery, 'limit' | 'maxBytes' | 'words'>;

/** Lists threads, each kind of list by an index of its own. */
export class ThreadLists {
  readonly #overviews: ThreadOverviews;
  readonly #statements: ListStatements<ActiveThreadRow>;

  constructor(db: DatabaseSync, overviews: ThreadOverviews) {
    this.#statements = new ListStatements(db);
    this.#overviews = overviews;
  }

  /** @param among Only these threads, given by the numbers of their activity. */
  list(query: ThreadQuery, among?: readonly number[]): ThreadList {
    return this.#listOf(this.#rows(query, among), query);
  }

  /**
   * Lists the threads that pass a test, which is made of one after the other until the list is full.
   * `undefined` when the test does not know of one of them.
   *
   * @param passes Gets the id as the database has it.
   */
  walk(
    query: ThreadQuery,
    passes: (threadId: string) => boolean | undefined,
  ): ThreadList | undefined {
    let isSure = true;
    function* passing(rows: Iterable<ActiveThreadRow>): Generator<ActiveThreadRow> {
      for (const row of rows) {
        const passed = passes(row[0]);
        isSure = passed !== undefined;
        if (!isSure) return;
        if (passed) yield row;
      }
    }
    const list = this.#listOf(passing(this.#rows(query)), query);
    return isSure ? list : undefined;
  }

  #rows(query: ThreadQuery, among?: readonly number[]): Iterable<ActiveThreadRow> {
    const { text, values } = listStatement(
      query,
      among && { threads: among, limit: query.limit + 1 },
    );
    return this.#statements.rows(text, values);
  }

  #listOf(rows: Iterable<ActiveThreadRow>, { limit, maxBytes }: ThreadQuery): ThreadList {
    const bounds = { limit, ...(maxBytes !== undefined && { maxBytes }) };
    const { rows: taken, more } = boundedRows(rows, bounds, ([, , , , config]) => config.length);
    return { threads: taken.map((row) => this.#overviews.of(row)), more };
  }
}

/** Threads that a list is chosen from, by the numbers of their activity, and how many it needs of them. */
interface Candidates {
  readonly threads: readonly number[];
  readonly limit: number;
}

/** The statement of a list, without a limit. Exported for the test of its plan. */
export function listStatement(
  filters: Filters,
  among?: Candidates,
): { readonly text: string; readonly values: readonly (string | number)[] } {
  const { order = 'activity', current = false } = filters;
  const standings = current ? [0] : [0, 1];
  const values: (string | number)[] = [];
  // There is no index to go through for each standing by age, nor for candidates.
  const parts =
    order === 'created' || among
      ? [select(filters, among, `a.standing IN (${standings.join()})`, values)]
      : standings.map((standing) => select(filters, among, `a.standing = ${standing}`, values));
  // The parts are sorted already: they are merged.
  const position =
    order === 'created' ? 't.created_at DESC, t.thread_id' : 'a.last_event_at DESC, a.thread_id';
  const merged = parts.length > 1 ? '6 DESC, 1' : position;
  return { text: `${parts.join(' UNION ALL ')} ORDER BY ${merged} DESC`, values };
}

function select(
  filters: Filters,
  among: Candidates | undefined,
  standing: string,
  values: (string | number)[],
): string {
  const { externalId, order = 'activity' } = filters;
  if (among) values.push(JSON.stringify(among.threads));
  // The contact is in the table whose index is used.
  const ofThread = order === 'created' || externalId !== undefined;
  const conditions = conditionsOf(standing, filters, ofThread);
  values.push(...conditions.values);
  if (!among || ofThread) {
    return `SELECT ${ACTIVE_THREAD} FROM ${sourceOf(filters, among)} WHERE ${conditions.text}`;
  }
  values.push(among.limit);
  return `SELECT ${ACTIVE_THREAD} FROM (
      SELECT a.* FROM ${CANDIDATES} WHERE ${conditions.text} ORDER BY a.last_event_at DESC, a.thread_id DESC LIMIT ?
    ) a CROSS JOIN ${THREAD}`;
}

function conditionsOf(
  standing: string,
  { contactId, externalId, feedback, waiting, before, order = 'activity' }: Filters,
  ofThread: boolean,
): Conditions {
  const where = new Conditions(standing);
  if (contactId !== undefined) where.add(`${ofThread ? 't' : 'a'}.contact_id = ?`, contactId);
  if (externalId !== undefined) where.add('t.external_id = ?', externalId);
  if (feedback !== undefined) where.add(`a.has_${feedback}`);
  if (waiting !== undefined) where.add(waiting ? 'a.is_waiting' : 'NOT a.is_waiting');
  if (before) {
    const position =
      order === 'created' ? '(t.created_at, t.thread_id)' : '(a.last_event_at, a.thread_id)';
    where.add(`${position} < (?, ?)`, toStoredTime(before.createdAt), toHex(before.id));
  }
  return where;
}

const CANDIDATES = 'json_each(?) f CROSS JOIN jims_activity a ON a.thread_no = f.value';
const THREAD = 'threads t ON t.thread_id = a.thread_id';

/** `CROSS JOIN` keeps the order of the tables: SQLite has no statistics to find the best one by. */
function sourceOf(filters: Filters, among: Candidates | undefined): string {
  const { contactId, externalId, feedback, waiting, order = 'activity' } = filters;
  const activity = 'jims_activity a ON a.thread_id = t.thread_id';
  if (among) return `${CANDIDATES} CROSS JOIN ${THREAD}`;
  if (externalId !== undefined)
    return `threads t INDEXED BY jims_threads_external CROSS JOIN ${activity}`;
  if (order === 'created') return `threads t CROSS JOIN ${activity}`;
  let index = contactId === undefined ? 'jims_activity_all' : 'jims_activity_contact';
  if (feedback !== undefined) index += `_has_${feedback}`;
  else if (waiting === true) index += '_is_waiting';
  return `jims_activity a INDEXED BY ${index} CROSS JOIN ${THREAD}`;
}
