import type { QueryResultRow } from 'pg';

import type { RunNews, RunProgress, RunStore } from '../run-store.ts';
import type { Database } from './database.ts';
import { jsonList, toJsonIfKept } from './parameters.ts';
import type { Parameter } from './parameters.ts';

/** What running runs have sent so far, for those that follow them from another process. */
export function progressStore(db: Database): Pick<RunStore, 'appendProgress' | 'readProgress'> {
  return {
    async appendProgress(news) {
      const rows = news.flatMap(({ owner, progress: events }) =>
        events.map(({ seq, event }) => ({ ...owner, seq, event })),
      );
      const { kept, events } = await keptProgress(rows);
      await db.query(
        `insert into jims.run_progress (run_id, attempt, seq, event)
         select r.run_id, r.attempt, p.seq, p.event
         from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::integer[], $5::json[])
             as p (run_id, attempt, instance_id, seq, event)
           join jims.runs r using (run_id, attempt, instance_id)
         where r.status in ('queued', 'running')
         on conflict do nothing`,
        [
          kept.map(({ runId }) => runId),
          kept.map(({ attempt }) => attempt),
          kept.map(({ instanceId }) => instanceId),
          kept.map(({ seq }) => seq),
          events,
        ],
      );
    },

    readProgress: (seen) =>
      db.query<RunNews & QueryResultRow>(
        `select r.run_id as "runId", r.attempt, r.status,
           (select coalesce(
              json_agg(json_build_object('seq', p.seq, 'event', p.event) order by p.seq), '[]')
            from jims.run_progress p
            where p.run_id = r.run_id and p.attempt = r.attempt
              and (r.attempt <> s.attempt or p.seq > s.after_seq)) as progress
         from unnest($1::uuid[], $2::integer[], $3::integer[]) as s (run_id, attempt, after_seq)
           join jims.runs r using (run_id)`,
        [
          seen.map(({ runId }) => runId),
          seen.map(({ attempt }) => attempt),
          seen.map(({ afterSeq }) => afterSeq),
        ],
      ),
  };
}

/**
 * The events of a run's progress as a `json[]`, and the rows that they are of. What PostgreSQL cannot
 * keep is left out: a run is not to fail for a status.
 */
export async function keptProgress<T extends RunProgress>(
  rows: readonly T[],
): Promise<{ readonly kept: readonly T[]; readonly events: Parameter }> {
  const kept: T[] = [];
  function* texts(): Generator<string> {
    for (const row of rows) {
      const text = toJsonIfKept(row.event);
      if (text === undefined) continue;
      kept.push(row);
      yield text;
    }
  }
  const events = await jsonList(texts());
  return { kept, events };
}
