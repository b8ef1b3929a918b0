import { DatabaseSync } from 'node:sqlite';

import { Client } from 'pg';

/** What a database holds after a scenario, in one form for both stores. Ids are without hyphens. */
export interface Facts {
  readonly threads: readonly ThreadFact[];
  readonly runs: readonly RunFact[];
}

export interface ThreadFact {
  readonly threadId: string;
  readonly contact: string;
  /** By `(created_at, event_id)`, as we read. */
  readonly events: readonly EventFact[];
  /** The ids by `created_at` alone, as the Python original reads. */
  readonly byTimeAlone: readonly string[];
}

export interface EventFact {
  readonly eventId: string;
  readonly createdAt: string;
  readonly type: string;
  readonly content: string;
}

export interface RunFact {
  readonly runId: string;
  readonly threadId: string;
  readonly status: string;
  readonly attempt: number;
  readonly key: string | null;
  readonly code: string | null;
  readonly questionId: string;
  readonly outputIds: readonly string[];
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** Reads a database as it is at one moment, with the driver and nothing of ours in between. */
export function readFacts(url: string): Promise<Facts> {
  return url.startsWith('sqlite:') ? readSqlite(url.slice('sqlite:///'.length)) : readPostgres(url);
}

interface EventRow {
  readonly thread_id: string;
  readonly event_id: string;
  readonly created_at: string;
  readonly event_type: string;
  readonly event_data: string;
}

interface RunRow {
  readonly run_id: string;
  readonly thread_id: string;
  readonly status: string;
  readonly attempt: number;
  readonly key: string | null;
  readonly code: string | null;
  readonly output_ids: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

interface Rows {
  readonly threads: readonly { readonly thread_id: string; readonly contact_id: string }[];
  readonly events: readonly EventRow[];
  readonly byTime: readonly { readonly thread_id: string; readonly event_id: string }[];
  readonly runs: readonly RunRow[];
}

async function readPostgres(url: string): Promise<Facts> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const all = async <T>(sql: string): Promise<T[]> => (await client.query(sql)).rows as T[];
    return toFacts({
      threads: await all('select thread_id::text, contact_id from threads'),
      events: await all(
        `select thread_id::text, event_id::text, created_at::text, event_type, event_data::text
         from thread_events order by created_at, event_id`,
      ),
      byTime: await all(
        'select thread_id::text, event_id::text from thread_events order by created_at',
      ),
      runs: await all(
        `select run_id::text, thread_id::text, status, attempt, idem_key as key, error_code as code,
                to_json(output_ids)::text as output_ids,
                to_char(started_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US') as started_at,
                to_char(finished_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US') as finished_at
         from jims.runs order by ticket`,
      ),
    });
  } finally {
    await client.end();
  }
}

async function readSqlite(file: string): Promise<Facts> {
  using db = new DatabaseSync(file, { timeout: 5000 });
  db.exec('BEGIN');
  const all = <T>(sql: string): T[] => db.prepare(sql).all() as T[];
  return toFacts({
    threads: all('SELECT thread_id, contact_id FROM threads'),
    events: all(
      `SELECT thread_id, event_id, created_at, event_type, event_data FROM thread_events
       ORDER BY created_at, event_id`,
    ),
    byTime: all('SELECT thread_id, event_id FROM thread_events ORDER BY created_at'),
    runs: all(
      `SELECT run_id, thread_id, status, attempt, key, error ->> 'code' AS code, output_ids,
               started_at, finished_at
       FROM jims_runs ORDER BY ticket`,
    ),
  });
}

function toFacts({ threads, events, byTime, runs }: Rows): Facts {
  const eventsOf = Map.groupBy(events, (row) => bare(row.thread_id));
  const timesOf = Map.groupBy(byTime, (row) => bare(row.thread_id));
  return {
    threads: threads.map(({ thread_id, contact_id }) => ({
      threadId: bare(thread_id),
      contact: contact_id,
      events: (eventsOf.get(bare(thread_id)) ?? []).map(toEvent),
      byTimeAlone: (timesOf.get(bare(thread_id)) ?? []).map((row) => bare(row.event_id)),
    })),
    runs: runs.map((row) => ({
      runId: bare(row.run_id),
      threadId: bare(row.thread_id),
      status: row.status,
      attempt: row.attempt,
      key: row.key,
      code: row.code,
      questionId: bare(row.run_id),
      outputIds: (JSON.parse(row.output_ids ?? '[]') as string[] | null)?.map(bare) ?? [],
      startedAt: row.started_at,
      finishedAt: row.finished_at,
    })),
  };
}

function toEvent(row: EventRow): EventFact {
  const data: unknown = JSON.parse(row.event_data);
  const content = typeof data === 'object' && data && 'content' in data ? data.content : '';
  return {
    eventId: bare(row.event_id),
    createdAt: row.created_at,
    type: row.event_type,
    content: String(content),
  };
}

export function bare(uuid: string): string {
  return uuid.replaceAll('-', '');
}
