import { Client } from 'pg';

import { startPostgres } from '../../scripts/postgres.ts';
import { childrenOf, familyCpuMs } from '../process-usage.ts';
import { SEEDED_TEXT } from './bench-database.ts';
import type { BenchDatabase } from './bench-database.ts';

/** A PostgreSQL that is safe against power loss, as one for real work is. */
export interface PostgresServer extends AsyncDisposable {
  readonly version: string;
  newDatabase(name: string): Promise<BenchDatabase>;
}

export async function startPostgresServer(): Promise<PostgresServer> {
  const server = await startPostgres({ durable: true });
  const { version, pid } = await withClient(server.url, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return { version: rows[0]?.server_version ?? '', pid: await backendPid(client) };
  });
  const processes = (): readonly number[] => [pid, ...childrenOf(pid)];
  return {
    version,
    async newDatabase(name) {
      await withClient(server.url, (client) => client.query(`CREATE DATABASE ${name}`));
      return {
        ...postgresDatabase(new URL(name, server.url).href),
        processes,
        cpuMs: () => familyCpuMs(pid),
      };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function postgresDatabase(url: string): Omit<BenchDatabase, 'processes' | 'cpuMs'> {
  return {
    url,
    seed: ({ prefix, count, events, ofOneContact = false }) =>
      withClient(url, async (client) => {
        await client.query(
          `INSERT INTO threads (thread_id, contact_id, created_at, thread_config)
           SELECT gen_random_uuid(), CASE WHEN $3::boolean THEN $1::text ELSE $1 || n END, timestamp '2026-01-01', '{"interface": "api"}'
           FROM generate_series(0, $2::int - 1) n`,
          [prefix, count, ofOneContact],
        );
        await client.query(
          `INSERT INTO thread_events
             (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
           SELECT thread_id, gen_random_uuid(),
                  timestamp '2026-01-01' + n * interval '1 second' + interval '1 millisecond',
                  'comm.' || role || '_message', 'comm', role || '_message',
                  json_build_object('role', role, 'content', $2::text)
           FROM threads, generate_series(0, $3::int - 1) n,
                LATERAL (SELECT CASE n % 2 WHEN 0 THEN 'user' ELSE 'assistant' END AS role)
           WHERE starts_with(contact_id, $1)`,
          [prefix, SEEDED_TEXT, events],
        );
        await client.query('ANALYZE');
        await client.query('CHECKPOINT');
      }),
    count: () =>
      withClient(url, async (client) => {
        const { rows } = await client.query<{ threads: number; messages: number }>(
          `SELECT (SELECT count(*)::int FROM threads) AS threads,
                  (SELECT count(*)::int FROM thread_events
                   WHERE event_type IN ('comm.user_message', 'comm.assistant_message')) AS messages`,
        );
        return rows[0] ?? { threads: 0, messages: 0 };
      }),
  };
}

/** The process of the whole server, which all others are children of. */
async function backendPid(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: string }>(
    `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`,
  );
  return Number(rows[0]?.pid);
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
