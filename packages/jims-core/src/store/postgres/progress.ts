import type { QueryResultRow } from 'pg';

import type { RunNews, RunProgress, RunStore } from '../store.ts';
import type { Database } from './database.ts';
import { jsonList, toJsonIfKept } from './parameters.ts';
import type { Parameter } from './parameters.ts';

/** What running runs have told so far, for who follows them from another process. */
export function progressStore(db: Database): Pick<RunStore, 'appendProgress' | 'readProgress'> {
  return {
    async appendProgress(news) {
      const all = news.flatMap(({ owner, progress }) =>
        progress.map(({ seq, event }) => ({ owner, seq, event })),
      );
      const rows: (typeof all)[number][] = [];
      const events = await jsonList(keptOf(all, (row) => rows.push(row)));
      await db.query(
        `insert into jims.run_progress (run_id, attempt, seq, event)
         select r.run_id, r.attempt, p.seq, p.event
         from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::integer[], $5::json[])
             as p (run_id, attempt, instance_id, seq, event)
           join jims.runs r using (run_id, attempt, instance_id)
         where r.status in ('queued', 'running')
         on conflict do nothing`,
        [
          rows.map(({ owner }) => owner.runId),
          rows.map(({ owner }) => owner.attempt),
          rows.map(({ owner }) => owner.instanceId),
          rows.map(({ seq }) => seq),
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

export async function progressLists(
  progress: readonly RunProgress[],
): Promise<[seqs: readonly number[], events: Parameter]> {
  const seqs: number[] = [];
  const events = await jsonList(keptOf(progress, ({ seq }) => seqs.push(seq)));
  return [seqs, events];
}

/** What PostgreSQL cannot keep is left out: a status is no reason for a run to fail. */
function* keptOf<T extends RunProgress>(
  progress: readonly T[],
  onKept: (kept: T) => void,
): Generator<string> {
  for (const each of progress) {
    const text = toJsonIfKept(each.event);
    if (text === undefined) continue;
    onKept(each);
    yield text;
  }
}
