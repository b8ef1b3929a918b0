import type { DatabaseSync } from 'node:sqlite';

import { NOBODY, RECOVERY_PAUSES_MS } from '../store.ts';
import type { NewQuestion, RunOwner } from '../store.ts';
import { ACTIVE, toActive } from './active-run.ts';
import type { ActiveRow, ActiveRun } from './active-run.ts';
import { fromHex, storedNow, toHex } from './columns.ts';
import { leaseClock } from './instances.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

/** A running durable run that no living process has. */
export interface Orphan extends ActiveRun {
  /** Whether the pause before its recovery is over. */
  readonly isDue: boolean;
  /** Whether it is nobody's, and no process died with it. */
  readonly isReleased: boolean;
}

const LONGEST_PAUSE_MS = Math.max(...RECOVERY_PAUSES_MS);
const NOT_STARTED = `instance_id = '${NOBODY}' AND retry_at IS NULL`;

const SQL = {
  // Without the plus SQLite would go through all runs in their order, instead of those that run. A pause that is longer than any was made before the clock of the machine was set back.
  orphans: sql<
    readonly [isDue: number, ...ActiveRow]
  >(`SELECT coalesce(r.retry_at NOT BETWEEN ?1 + 1 AND ?1 + ${LONGEST_PAUSE_MS}, 1), ${ACTIVE}
     FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.status = 'running' AND r.durable AND coalesce(i.lease_until, 0) <= ?1
     ORDER BY +r.ticket`),
  ofInstance: sql<readonly [runId: string, attempt: number, threadId: string]>(
    `SELECT run_id, attempt, thread_id FROM jims_runs
     WHERE status IN ('queued', 'running') AND durable AND instance_id = ?`,
  ),
  release: `UPDATE jims_runs SET instance_id = '${NOBODY}', retry_at = ?2 WHERE run_id = ?1`,
  startForNobody: `UPDATE jims_runs SET status = 'running', instance_id = '${NOBODY}',
       retry_at = iif(${NOT_STARTED}, NULL, ?2)
     WHERE run_id = ?1`,
  // Recovered is only what a dead process had. A run that no process ever had, not even in its queue, keeps
  // its first attempt: a process that was taken for dead may meet its own run again.
  take: `UPDATE jims_runs SET instance_id = ?2, attempt = attempt + iif(${NOT_STARTED}, 0, 1),
       recoveries = ?3, retry_at = ?4, started_at = coalesce(started_at, ?5)
     WHERE run_id = ?1`,
  progress: `UPDATE jims_runs SET recoveries = 0, retry_at = NULL
     WHERE run_id = ? AND recoveries <> 0`,
  // A run has begun since when its event is in the log behind the run's own, or when it has no event.
  isOvertaken: sql<readonly [number]>(`SELECT EXISTS (
         SELECT 1 FROM thread_events e JOIN jims_runs o ON o.run_id = e.event_id
         WHERE e.thread_id = r.thread_id AND o.ticket > r.ticket AND e.created_at >= coalesce(
           (SELECT created_at FROM thread_events WHERE thread_id = r.thread_id AND event_id = r.run_id), ''))
       OR EXISTS (
         SELECT 1 FROM jims_runs o
         WHERE o.thread_id = r.thread_id AND NOT o.incoming_stored AND o.ticket > r.ticket
           AND o.status <> 'queued')
     FROM jims_runs r WHERE r.run_id = ?`),
  revive: `UPDATE jims_runs SET ticket = iif(?4, (SELECT max(ticket) + 1 FROM jims_runs), ticket),
       status = ?2, instance_id = ?3, attempt = attempt + 1, recoveries = 0, retry_at = NULL,
       withdrawn = NULL, cancel_requested = 0, error = NULL, output_ids = NULL, usage = NULL,
       last_seq = NULL, finished_at = NULL, started_at = coalesce(started_at, iif(?2 = 'running', ?5, NULL))
     WHERE run_id = ?1`,
  fresh: sql<ActiveRow>(`SELECT ${ACTIVE} FROM jims_runs r
     WHERE r.thread_id = ? AND r.status = 'queued' AND r.continues IS NULL AND r.counted
       AND NOT r.cancel_requested AND r.withdrawn IS NULL
     ORDER BY r.ticket`),
  join: `UPDATE jims_runs SET chain_id = ?2, continues = ?3, durable = 1 WHERE run_id = ?1`,
  ask: 'UPDATE jims_runs SET question_id = ?2 WHERE run_id = ?1',
  keep: `UPDATE jims_runs SET kept = coalesce(kept, ?2), config = coalesce(config, ?3)
     WHERE run_id = ?1`,
};

/** What changes in the rows of durable runs alone. Call its methods inside a transaction. */
export class DurableRuns {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  /** Running durable runs without a living process, oldest first. */
  orphans(): readonly Orphan[] {
    const rows = this.#sql.orphans.all(leaseClock());
    return rows.map(([isDue, ...row]) => toOrphan(toActive(row), isDue === 1));
  }

  of(instanceId: string): readonly RunOwner[] {
    return this.#sql.ofInstance.all(instanceId).map(([runId, attempt, threadId]) => ({
      runId: fromHex(runId),
      attempt,
      threadId: fromHex(threadId),
      instanceId,
    }));
  }

  release(runId: string): void {
    this.#sql.release.run(toHex(runId), leaseClock());
  }

  /** Lets a queued run be the one that runs in its thread, until a process takes it. */
  startForNobody(runId: string): void {
    this.#sql.startForNobody.run(toHex(runId), leaseClock());
  }

  /** Gives an orphan to a process. */
  take({ runId, isReleased, recoveries }: Orphan, instanceId: string): void {
    const times = isReleased ? recoveries : recoveries + 1;
    const next = leaseClock() + (RECOVERY_PAUSES_MS[times] ?? 0);
    this.#sql.take.run(toHex(runId), instanceId, times, next, storedNow());
  }

  /** Notes that a run got on, so that it does not become a suspect. */
  noteProgress(runId: string): void {
    this.#sql.progress.run(toHex(runId));
  }

  /** Gives an ended run to a process once more: in its old place, unless other runs have begun since. */
  revive(runId: string, instanceId: string, status: 'queued' | 'running'): void {
    const id = toHex(runId);
    const isOvertaken = this.#sql.isOvertaken.get(id)?.[0] ?? 1;
    this.#sql.revive.run(id, status, instanceId, isOvertaken, storedNow());
  }

  /** The runs in the queue of a thread that began with a message and answer nothing, in order. */
  freshIn(threadId: string): readonly ActiveRun[] {
    return this.#sql.fresh.all(toHex(threadId)).map(toActive);
  }

  /** Makes a queued run the one that continues a chain. */
  join(runId: string, chainId: string, questionId: string): void {
    this.#sql.join.run(toHex(runId), toHex(chainId), toHex(questionId));
  }

  /** Notes the question that a run ended with, and what its chain is executed again by. */
  ask({ runId, chainId }: ActiveRun, { questionId, kept, config }: NewQuestion): void {
    this.#sql.ask.run(toHex(runId), toHex(questionId));
    this.#sql.keep.run(toHex(chainId), JSON.stringify(kept), JSON.stringify(config));
  }
}

function toOrphan(run: ActiveRun, isDue: boolean): Orphan {
  return { ...run, isDue, isReleased: run.instanceId === NOBODY };
}
