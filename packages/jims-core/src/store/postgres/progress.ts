import type { RunProgress, RunStore } from '../store.ts';
import type { Database } from './database.ts';
import { hasNulText, toJson } from './parameters.ts';

/** What running runs have told so far, for who follows them from another process. */
export function progressStore(db: Database): Pick<RunStore, 'appendProgress' | 'readProgress'> {
  return {
    async appendProgress(run, progress) {
      await db.query(
        `insert into jims.run_progress (run_id, attempt, seq, event)
         select r.run_id, r.attempt, p.seq, p.event
         from jims.runs r, unnest($4::integer[], $5::json[]) as p (seq, event)
         where r.run_id = $1 and r.attempt = $2 and r.instance_id = $3
           and r.status in ('queued', 'running')
         on conflict do nothing`,
        [run.runId, run.attempt, run.instanceId, ...progressLists(progress)],
      );
    },

    readProgress: (runId, afterSeq) =>
      db.query<RunProgress & { seq: number }>(
        `select p.seq, p.event from jims.run_progress p join jims.runs r using (run_id, attempt)
         where run_id = jims.as_uuid($1) and p.seq > $2 order by p.seq`,
        [runId, afterSeq],
      ),
  };
}

/** What PostgreSQL cannot keep is left out: a status is no reason for a run to fail. */
export function progressLists(
  progress: readonly RunProgress[],
): [seqs: readonly number[], events: readonly string[]] {
  const kept = progress.filter(({ event }) => !hasNulText(event));
  return [kept.map(({ seq }) => seq), kept.map(({ event }) => toJson(event))];
}
