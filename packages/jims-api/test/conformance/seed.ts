import { DatabaseSync } from 'node:sqlite';

import { databaseUrl, withClient } from '../../../jims-core/test/support/postgres.ts';

interface SeedThread {
  readonly id: string;
  readonly contactId: string | null;
  readonly externalId: string | null;
  readonly createdAt: string;
  readonly config: string;
}

/** The threads that the cases expect to find, as rows without any event. */
const THREADS: readonly SeedThread[] = [
  seedThread(1, 'seed:multi', '2024-01-01 00:00:00.000000', '{"seed":1}'),
  seedThread(2, 'seed:multi', '2025-06-01 00:00:00.000000', '{"seed":2}'),
  seedThread(3, 'seed:multi', '2023-03-01 00:00:00.000000', '{"seed":3}'),
  { ...seedThread(4, null, '2025-07-01 00:00:00.000000', '{"seed":4}'), externalId: 'ext:1' },
  seedThread(5, 'seed:other', '2025-07-01 00:00:00.000000', '{}'),
];

const INSERT =
  'INSERT INTO threads (thread_id, contact_id, external_id, created_at, thread_config) VALUES';

/** Makes the database that a PostgreSQL URL names, if it is not there. */
export async function createDatabase(url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  await withClient(databaseUrl('postgres', url), async (client) => {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    }
  });
}

/** Inserts the seed threads into a database that already has its tables. */
export async function seed(url: string): Promise<void> {
  if (url.startsWith('sqlite:')) seedSqlite(url.replace(/^sqlite:\/\/\//, ''));
  else await seedPostgres(url);
}

function seedSqlite(path: string): void {
  const db = new DatabaseSync(path);
  const insert = db.prepare(`${INSERT} (?, ?, ?, ?, ?)`);
  for (const { id, contactId, externalId, createdAt, config } of THREADS) {
    insert.run(id.replaceAll('-', ''), contactId, externalId, createdAt, config);
  }
  db.close();
}

async function seedPostgres(url: string): Promise<void> {
  await withClient(url, async (client) => {
    for (const { id, contactId, externalId, createdAt, config } of THREADS) {
      const row = [id, contactId, externalId, createdAt, config];
      await client.query(`${INSERT} ($1, $2, $3, $4, $5)`, row);
    }
  });
}

function seedThread(
  number: number,
  contactId: string | null,
  createdAt: string,
  config: string,
): SeedThread {
  const id = `0190d3a0-0000-7000-8000-00000000000${number}`;
  return { id, contactId, externalId: null, createdAt, config };
}
