import { setTimeout as sleep } from 'node:timers/promises';

import type { PostgresServer } from '../lab/postgres-server.ts';
import type { Checks } from './checks.ts';

const LOOKS = 50;

/** I10: processes that have ended leave no connection and no lock. */
export async function checkNothingIsLeft(checks: Checks, postgres: PostgresServer): Promise<void> {
  let left = await postgres.connections();
  // The server notices the end of a killed process by itself, and not in the same moment.
  for (let look = 0; look < LOOKS && left > 0; look++) {
    await sleep(100);
    left = await postgres.connections();
  }
  checks.that('I10', left === 0, () => `${left} connections are left behind`);
  // Those of autovacuum are its own, and may be there at any moment.
  const locks = await postgres.query(
    `select from pg_locks l join pg_database d on d.oid = l.database
     where d.datname like 'faults_%' and l.pid <> pg_backend_pid()
       and not exists (select from pg_stat_activity a where a.pid = l.pid and a.backend_type like 'autovacuum%')`,
  );
  checks.that('I10', locks.length === 0, () => `${locks.length} locks are left behind`);
}
