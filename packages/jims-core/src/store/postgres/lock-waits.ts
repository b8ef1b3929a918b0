import type { Client } from 'pg';

import type { Logger } from '../../telemetry/logger.ts';

const FIRST_REPORT_MS = 1000;
const REPORT_EVERY_MS = 10_000;

export interface WaitReports {
  /**
   * Another connection than the one that may wait, and one that is in no transaction: an index that is
   * made concurrently would wait for that.
   */
  readonly watcher: Client;
  /** The server process of the connection that may wait. */
  readonly pid: number;
  readonly logger: Logger;
  readonly table: string;
}

/** Logs which processes hold the lock that a statement waits for: once soon, and then now and then. */
export async function reportingWaits<T>(
  work: Promise<T>,
  { watcher, pid, logger, table }: WaitReports,
): Promise<T> {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  async function report(): Promise<void> {
    const holders = await readHolders(watcher, pid).catch(() => []);
    if (isOver) return;
    if (holders.length > 0) {
      const pids = holders.map((holder) => holder.pid).join(', ');
      logger.warn({ table, holders }, `Waiting for a lock on ${table} (pid ${pids})`);
    }
    timer = setTimeout(() => void report(), holders.length > 0 ? REPORT_EVERY_MS : FIRST_REPORT_MS);
  }
  timer = setTimeout(() => void report(), FIRST_REPORT_MS);
  try {
    return await work;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

/** A process of the server that another one waits for. */
interface Holder {
  readonly pid: number;
  readonly application: string | null;
  readonly user: string | null;
  readonly since: string | null;
}

async function readHolders(client: Client, pid: number): Promise<readonly Holder[]> {
  const { rows } = await client.query<Holder>(
    `select holder as pid, application_name as application, usename::text as "user",
            to_char(xact_start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
     from unnest(pg_blocking_pids($1)) as holder
     left join pg_stat_activity on pid = holder`,
    [pid],
  );
  return rows;
}

/** Logs which processes of the server hold locks that keep an upgrade waiting, or run another upgrade. */
export async function logHolders(client: Client, logger: Logger): Promise<void> {
  const { rows } = await client.query<Holder & { table: string | null }>(
    `select distinct on (l.pid) l.pid, c.oid::regclass::text as table,
            application_name as application, usename::text as "user",
            to_char(xact_start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
     from pg_locks l left join pg_class c on c.oid = l.relation
     left join pg_stat_activity a on a.pid = l.pid
     where l.granted and l.pid <> pg_backend_pid()
       and l.database = (select oid from pg_database where datname = current_database())
       and (l.locktype = 'advisory' or c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text !~ '^pg_')
     order by l.pid, l.locktype desc`,
  );
  const holders = rows.map(({ pid, table }) => `${table ?? 'an upgrade'} (pid ${pid})`).join(', ');
  logger.warn(
    { holders: rows },
    `Waiting for a lock, to bring the tables up to date. Others have locks: ${holders || 'none now'}`,
  );
}
