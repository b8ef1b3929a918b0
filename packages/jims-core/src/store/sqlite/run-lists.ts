import type { DatabaseSync } from 'node:sqlite';

import { MAX_WAITING_LISTED, runsLookAt } from '../store.ts';
import type {
  EventPosition,
  RunList,
  RunPage,
  RunSummary,
  ThreadRun,
  ThreadRunList,
} from '../store.ts';
import { fromHex, listParameter, parseStoredJson, toHex } from './columns.ts';
import { BEGINNING, END, positionOf } from './log-reads.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { RunRecords } from './run-records.ts';
import { toPublicTime } from './timestamp.ts';

/** How many events one read looks at. */
const LOOK_AT = 2000;
/** How far before an event the message of its run is looked for, and how far after a conversation start. */
const LOOK_BACK = 500;
const LOOK_AHEAD = 100;

type LogRow = readonly [eventId: string, createdAt: string, runId: string | null];
type RunRow = readonly [runId: string, startIds: string | null, outputIds: string | null];

const RUN = 'jims_runs r ON r.run_id = e.event_id AND r.thread_id = e.thread_id';
const RUN_IDS = 'r.run_id, r.start_ids, r.output_ids';
const WITHIN = '(e.created_at, e.event_id)';

const SQL = {
  // Their messages wait with them.
  waiting: sql<readonly [runId: string]>(`SELECT run_id FROM jims_runs
     WHERE thread_id = ?1 AND NOT incoming_stored AND incoming_type IS NOT NULL
       AND coalesce(ticket < (SELECT ticket FROM jims_runs WHERE run_id = ?2), ?2 IS NULL)
       AND EXISTS (SELECT 1 FROM threads t WHERE t.thread_id = ?1)
     ORDER BY ticket DESC LIMIT ?3`),
  logged: sql<LogRow>(`SELECT e.event_id, e.created_at, r.run_id
     FROM threads t CROSS JOIN thread_events e ON e.thread_id = t.thread_id LEFT JOIN ${RUN}
     WHERE t.thread_id = ?1 AND ${WITHIN} < (?2, ?3)
     ORDER BY e.created_at DESC, e.event_id DESC LIMIT ?4`),
  before: sql<RunRow>(`SELECT ${RUN_IDS} FROM (
       SELECT e.event_id, e.thread_id FROM thread_events e WHERE e.thread_id = ?1 AND ${WITHIN} < (?2, ?3)
       ORDER BY e.created_at DESC, e.event_id DESC LIMIT ${LOOK_BACK}) e CROSS JOIN ${RUN}`),
  after: sql<RunRow>(`SELECT ${RUN_IDS} FROM (
       SELECT e.event_id, e.thread_id FROM thread_events e WHERE e.thread_id = ?1 AND ${WITHIN} > (?2, ?3)
       ORDER BY e.created_at, e.event_id LIMIT ${LOOK_AHEAD}) e CROSS JOIN ${RUN}`),
  ofIds:
    sql<RunRow>(`SELECT ${RUN_IDS} FROM json_each(?2) e CROSS JOIN jims_runs r ON r.run_id = e.value
     WHERE r.thread_id = ?1`),
};

/** The time of a message that is not in the log yet. */
const WAITING = '9999-12-31T23:59:59.999999Z';

/** Finds the runs of a thread, by its events. */
export class RunLists {
  readonly #sql: Statements<typeof SQL>;
  readonly #records: RunRecords;

  constructor(db: DatabaseSync, records: RunRecords) {
    this.#sql = prepareAll(db, SQL);
    this.#records = records;
  }

  list(threadId: string, { limit, before }: RunPage): RunList {
    if (before && before.createdAt !== WAITING) return this.#logged(threadId, before, limit);
    const after = before ? toHex(before.id) : null;
    const runs = this.#sql.waiting
      .all(toHex(threadId), after, limit)
      .flatMap(([runId]) => this.#summary(runId));
    const last = runs.at(-1);
    if (last && runs.length === limit)
      return { runs, next: { createdAt: WAITING, id: last.runId } };
    const logged = this.#logged(threadId, undefined, limit - runs.length);
    return { runs: [...runs, ...logged.runs], next: logged.next };
  }

  #logged(threadId: string, before: EventPosition | undefined, limit: number): RunList {
    const to = before ? positionOf(before) : END;
    const runs: RunSummary[] = [];
    let next: EventPosition | undefined;
    let lookedAt = 0;
    for (const row of this.#sql.logged.iterate(toHex(threadId), ...to, LOOK_AT)) {
      const [eventId, createdAt, runId] = row;
      if (runId !== null) runs.push(...this.#summary(runId));
      lookedAt++;
      next = { createdAt: toPublicTime(createdAt), id: fromHex(eventId) };
      if (runs.length >= limit) return { runs, next };
    }
    return { runs, next: lookedAt === LOOK_AT ? next : undefined };
  }

  listOf(threadIds: readonly string[], before: EventPosition | undefined): ThreadRunList {
    const runs = before ? [] : this.#waitingOf(threadIds);
    const to = before ? positionOf(before) : END;
    const lookAt = runsLookAt(threadIds.length);
    const logs = threadIds.map((threadId) => {
      const rows = this.#sql.logged.all(toHex(threadId), ...to, lookAt);
      return { threadId, rows, end: rows.length === lookAt ? rows.at(-1) : undefined };
    });
    // What came before the newest of these is not known of every thread.
    const [end] = logs.flatMap(({ end: last }) => (last ? [last] : [])).toSorted(newestFirst);
    const known = logs
      .flatMap(({ threadId, rows }) => rows.map((row) => ({ threadId, row })))
      .filter(({ row }) => row[2] !== null && (!end || newestFirst(row, end) <= 0))
      .toSorted((a, b) => newestFirst(a.row, b.row));
    for (const { threadId, row } of known) runs.push(...this.#threadRun(row[0], threadId));
    return { runs, next: end && { createdAt: toPublicTime(end[1]), id: fromHex(end[0]) } };
  }

  #waitingOf(threadIds: readonly string[]): ThreadRun[] {
    const runs: ThreadRun[] = [];
    for (const threadId of threadIds) {
      const left = MAX_WAITING_LISTED - runs.length;
      for (const [runId] of this.#sql.waiting.all(toHex(threadId), null, left)) {
        runs.push(...this.#threadRun(runId, threadId));
      }
    }
    return runs;
  }

  #threadRun(id: string, threadId: string): ThreadRun[] {
    const run = this.#records.summary(fromHex(id));
    if (!run) return [];
    const { runId, status, chainId, acceptedAt, startedAt, finishedAt } = run;
    const { state, audience, answeredBy, closedAt } = run.question ?? {};
    const question = state && audience && { state, audience, answeredBy, closedAt };
    return [{ runId, threadId, status, chainId, acceptedAt, startedAt, finishedAt, question }];
  }

  ofEvents(threadId: string, events: readonly EventPosition[]): ReadonlyMap<string, string> {
    const thread = toHex(threadId);
    const ids = listParameter(events.map(({ id }) => toHex(id)));
    const positions = events
      .map(positionOf)
      .toSorted(([a, b], [c, d]) => compare(a, c) || compare(b, d));
    const [first, last] = [positions[0] ?? BEGINNING, positions.at(-1) ?? BEGINNING];
    const rows = [
      ...this.#sql.before.all(thread, ...first),
      ...this.#sql.ofIds.all(thread, ids),
      ...this.#sql.after.all(thread, ...last),
    ];
    const runOf = new Map<string, string>();
    for (const [run, started, sent] of rows) {
      const runId = fromHex(run);
      for (const id of [runId, ...idsIn(started), ...idsIn(sent)]) runOf.set(id, runId);
    }
    return new Map(
      events.flatMap(({ id }) => {
        const runId = runOf.get(id);
        return runId === undefined ? [] : [[id, runId] as const];
      }),
    );
  }

  #summary(runId: string): readonly RunSummary[] {
    const run = this.#records.summary(fromHex(runId));
    return run ? [run] : [];
  }
}

function newestFirst([id, createdAt]: LogRow, [otherId, otherAt]: LogRow): number {
  return compare(otherAt, createdAt) || compare(otherId, id);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function idsIn(text: string | null): readonly string[] {
  return text === null ? [] : (parseStoredJson(text) as readonly string[]);
}
