import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

const PAUSE_MS = 100;

/** Resolves when no run is active in a database, or at the time given. */
export async function untilEnded(url: string, until: number): Promise<void> {
  const { isActive, end } = url.startsWith('sqlite:') ? sqlite(url) : await postgres(url);
  while ((await isActive()) && performance.now() < until) await sleep(PAUSE_MS);
  await end();
}

interface Looks {
  readonly isActive: () => boolean | Promise<boolean>;
  readonly end: () => unknown;
}

function sqlite(url: string): Looks {
  const db = new DatabaseSync(url.slice('sqlite:///'.length), { timeout: 5000 });
  const select = db.prepare(
    `SELECT 1 FROM jims_runs WHERE status IN ('queued', 'running') LIMIT 1`,
  );
  return { isActive: () => select.get() !== undefined, end: () => db.close() };
}

async function postgres(url: string): Promise<Looks> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    async isActive() {
      const { rowCount } = await client.query(
        `select from jims.runs where status in ('queued', 'running') limit 1`,
      );
      return (rowCount ?? 0) > 0;
    },
    end: () => client.end(),
  };
}
