// Databases that one test of a file uses after another: to make one takes PostgreSQL ten times as long
// as to empty one.
import { after } from 'node:test';

import {
  databaseUrl,
  dropDatabase,
  freshDatabase,
  newDatabaseName,
  postgresUrl,
  withClient,
} from './postgres.ts';

const free: string[] = [];

/** An empty database of its own. Disposing takes it away under open connections, too. */
export async function emptiedDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const name = free.pop();
  if (name !== undefined) await empty(name);
  const url = name === undefined ? (await freshDatabase()).url : databaseUrl(name);
  return {
    url,
    async [Symbol.asyncDispose]() {
      free.push(await takeAway(new URL(url).pathname.slice(1)));
    },
  };
}

after(() => Promise.all(free.map(dropDatabase)));

/** Gives it a new name: who was connected, or tries to be again, does not disturb the next test. */
async function takeAway(name: string): Promise<string> {
  const renamed = newDatabaseName();
  await withClient(postgresUrl(), async (client) => {
    for (;;) {
      await client.query(
        'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1',
        [name],
      );
      try {
        await client.query(`ALTER DATABASE ${name} RENAME TO ${renamed}`);
        return;
      } catch (error) {
        // Somebody has connected again.
        if (!(error instanceof Error && 'code' in error && error.code === '55006')) throw error;
      }
    }
  });
  return renamed;
}

async function empty(name: string): Promise<void> {
  await withClient(databaseUrl(name), async (client) => {
    const schemas = await client.query<{ name: string }>(
      `SELECT quote_ident(nspname) AS name FROM pg_namespace
       WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'`,
    );
    const drops = schemas.rows.map(({ name: schema }) => `DROP SCHEMA ${schema} CASCADE;`);
    await client.query(`
      SET client_min_messages = warning;
      ${drops.join('\n')}
      CREATE SCHEMA public AUTHORIZATION pg_database_owner;
      GRANT USAGE ON SCHEMA public TO PUBLIC;
      ALTER DATABASE ${name} RESET ALL`);
  });
}
