import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { startPostgres } from '../../scripts/postgres.ts';

/** A PostgreSQL that loses nothing in a crash, and can be made to crash. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  /** The URL of a new empty database. */
  newDatabase(): Promise<string>;
  query<T extends object>(sql: string, parameters?: readonly unknown[]): Promise<readonly T[]>;
  /**
   * Kills one of its processes by SIGKILL: the server then ends all the others as it does for
   * `immediate`, and recovers from its log. Resolves when it answers again, with how long that took.
   */
  crash(): Promise<number>;
  /** Ends all connections of the service. */
  terminateAll(): Promise<number>;
  /** How many connections the service has. */
  connections(): Promise<number>;
}

/** Starts one, or takes the one that FAULTS_POSTGRES_URL names; it must be on this machine. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const given = process.env['FAULTS_POSTGRES_URL'];
  const server = given
    ? { url: given, async [Symbol.asyncDispose]() {} }
    : await startPostgres({ durable: true });
  let made = 0;

  async function query<T extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<readonly T[]> {
    const client = new Client({ connectionString: server.url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<T>(sql, [...parameters])).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  return {
    url: server.url,
    query,
    async newDatabase() {
      const name = `faults_${process.pid}_${++made}`;
      await query(`create database ${name}`);
      return new URL(`/${name}`, server.url).href;
    },
    async crash() {
      const from = performance.now();
      const client = new Client({ connectionString: server.url });
      client.on('error', () => {});
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      process.kill(rows[0]?.pid ?? Number.NaN, 'SIGKILL');
      await client.end().catch(() => {});
      for (;;) {
        await sleep(50);
        const isUp = await query('select 1').then(
          () => true,
          () => false,
        );
        if (isUp) return performance.now() - from;
      }
    },
    async terminateAll() {
      const ended = await query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'jims'`,
      );
      return ended.length;
    },
    async connections() {
      const [row] = await query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity where application_name = 'jims'`,
      );
      return row?.count ?? 0;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
