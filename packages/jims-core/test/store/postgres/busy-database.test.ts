import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import type { Client } from 'pg';

import { openStore } from '../../../src/store/open-store.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';

const DUMP = readFileSync(
  new URL('../../../../jims-api/test/conformance/databases/original.postgres.sql', import.meta.url),
  'utf8',
);
const INSERT = `
  insert into thread_events (thread_id, event_id, event_type)
  select thread_id, gen_random_uuid(), 'x.y' from threads limit 1`;

test('opening does not stop a service that writes, and logs which process it waits for', async () => {
  await using database = await originalDatabase();
  const { logger, lines } = recorder();
  await withClient(database.url, async (writer) => {
    await writer.query(`begin; ${INSERT}`);
    const { rows } = await writer.query<{ pid: number }>('select pg_backend_pid() as pid');
    const opened = openStore(database.url, { logger });
    // A trigger waits for the writers that are there.
    const expected = new RegExp(`bring the tables up to date.*pid ${rows[0]?.pid}\\b`);
    await eventually(() => lines.some((line) => expected.test(line)));
    // What comes now waits for a short turn of that at most.
    await withClient(database.url, (client) =>
      client.query(`set statement_timeout = '2s'; ${INSERT}`),
    );
    await writer.query('commit');
    await (await opened).close();
  });
  assert.deepEqual(await invalidIndexes(database.url), []);
  assert.equal(await ourIndexes(database.url), 4);
});

test('time-outs that are set for requests do not end the making of an index', async () => {
  await using database = await originalDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await (await openStore(database.url)).close();
  await withClient(database.url, async (client) => {
    await client.query('drop index jims_thread_events_order');
    for (const setting of ['statement', 'lock', 'idle_in_transaction_session']) {
      await client.query(`alter database ${name} set ${setting}_timeout = '300ms'`);
    }
    // It would end each connection in the middle of its work.
    if (await knowsTransactionTimeout(client)) {
      await client.query(`alter database ${name} set transaction_timeout = '900ms'`);
    }
  });
  const { logger, lines } = recorder();
  await withClient(database.url, async (writer) => {
    const patient = `select set_config(name, '0', false) from pg_settings
      where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')`;
    await writer.query(patient);
    await writer.query(`begin; ${INSERT}`);
    const opened = openStore(database.url, { logger });
    // That is after a second, which is longer than the time-outs.
    await eventually(() => lines.some((line) => line.startsWith('Waiting for a lock on')));
    await writer.query('commit');
    await (await opened).close();
  });
  assert.equal(await ourIndexes(database.url), 4);
});

test('the statements for indexes that the role may not make are in the error, for the role that may', async () => {
  await using database = await originalDatabase();
  const role = new URL(database.url).pathname.slice(1);
  await using _ = {
    async [Symbol.asyncDispose]() {
      await withClient(database.url, (client) =>
        client.query(`drop owned by ${role} cascade; drop role ${role}`),
      );
    },
  };
  const url = new URL(database.url);
  url.username = role;
  await withClient(database.url, (client) =>
    client.query(`
      create role ${role} login; grant create on database ${role} to ${role};
      grant all on all tables in schema public to ${role}`),
  );
  const said = await openStore(url.href).then(
    () => '',
    (error: unknown) => String(error),
  );
  assert.match(said, /must be owner.*Let the owner of the table run/);
  for (const sql of said.slice(said.indexOf('create index')).split(';')) {
    await withClient(database.url, (client) => client.query(sql));
  }
  await (await openStore(url.href)).close();
});

test('tables with partitions get their indexes by hand, as the refusal says', async () => {
  await using database = await freshDatabase();
  const parts = ['threads', 'thread_events'].map(
    (table) =>
      `create table ${table}_0 partition of ${table} for values with (modulus 1, remainder 0);`,
  );
  await withClient(database.url, (client) =>
    client.query(`
      create table threads (
        thread_id uuid primary key, contact_id varchar, external_id varchar,
        created_at timestamp not null, thread_config jsonb not null) partition by hash (thread_id);
      create table thread_events (
        thread_id uuid, event_id uuid, created_at timestamp default now() not null,
        event_type varchar(255) not null, event_domain varchar(255), event_name varchar(255),
        event_data json, primary key (thread_id, event_id)) partition by hash (thread_id);
      ${parts.join('')}`),
  );
  const said = await openStore(database.url).then(
    () => '',
    (error: unknown) => String(error),
  );
  assert.match(said, /partitioned.*Let the owner of the table run/);
  await withClient(database.url, (client) =>
    client.query(said.slice(said.indexOf('create index ix_'))),
  );
  await (await openStore(database.url)).close();
});

test('several processes that open a database in use make its indexes once', async () => {
  await using database = await originalDatabase();
  const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(database.url)));
  await Promise.all(stores.map((store) => store.close()));
  assert.equal(await ourIndexes(database.url), 4);
});

test('an index that could not be finished is made again', async () => {
  await using database = await originalDatabase();
  await withClient(database.url, async (client) => {
    await withClient(database.url, async (other) => {
      await other.query(`begin; ${INSERT}`);
      const sql = 'create index concurrently jims_threads_order on threads (created_at)';
      await client.query(`set statement_timeout = '300ms'`);
      await other.query('update threads set external_id = null');
      await assert.rejects(client.query(sql));
      await other.query('commit');
    });
  });
  assert.deepEqual(await invalidIndexes(database.url), ['jims_threads_order']);
  await (await openStore(database.url)).close();
  assert.deepEqual(await invalidIndexes(database.url), []);
  assert.equal(await ourIndexes(database.url), 4);
});

test('an upgrade lets others go first while its tables are in use, and logs that', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url)).close();
  const { logger, lines } = recorder();
  await withClient(database.url, async (client) => {
    await client.query('drop table thread_events');
    await client.query(
      `begin; select pg_advisory_xact_lock(hashtextextended('jims.migrations', 0))`,
    );
    const opened = openStore(database.url, { logger });
    await eventually(() => lines.some((line) => /bring the tables up to date.*pid \d+/.test(line)));
    await client.query('commit');
    await (await opened).close();
  });
});

/** PostgreSQL has it since version 17. */
async function knowsTransactionTimeout(client: Client): Promise<boolean> {
  const { rows } = await client.query(`select from pg_settings where name = 'transaction_timeout'`);
  return rows.length > 0;
}

async function originalDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const database = await freshDatabase();
  await withClient(database.url, (client) => client.query(DUMP.replaceAll(/^\\.*$/gm, '')));
  return database;
}

function recorder(): { readonly logger: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  return { logger: { ...silentLogger, warn: (_fields, message) => lines.push(message) }, lines };
}

function invalidIndexes(url: string): Promise<readonly string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select indexrelid::regclass::text as name from pg_index where not indisvalid',
    );
    return rows.map(({ name }) => name);
  });
}

function ourIndexes(url: string): Promise<number | null> {
  return withClient(url, async (client) => {
    const { rowCount } = await client.query(
      `select from pg_indexes where schemaname = 'public' and indexname like 'jims_%'`,
    );
    return rowCount;
  });
}
