import { Client } from 'pg';

/** The server that `npm test` started, or that TEST_POSTGRES_URL names. Never skipped when missing. */
export function postgresUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (url) return url;
  throw new Error(
    'No PostgreSQL to test on: run this by `npm test -- <file>`, or set TEST_POSTGRES_URL',
  );
}

/** The same server, another database. */
export function databaseUrl(name: string, server: string = postgresUrl()): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** An empty database of its own; disposing drops it, also under open connections. */
export async function freshDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const name = `jims_test_${crypto.randomUUID().replaceAll('-', '')}`;
  await withClient(postgresUrl(), (client) => client.query(`CREATE DATABASE ${name}`));
  return { url: databaseUrl(name), [Symbol.asyncDispose]: () => dropDatabase(name) };
}

export async function dropDatabase(name: string): Promise<void> {
  const drop = `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`;
  await withClient(postgresUrl(), (client) => client.query(drop));
}

/** One connection for as long as `use` takes. */
export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
