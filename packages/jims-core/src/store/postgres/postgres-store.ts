import { JimsError } from '../../errors.ts';
import type { Store } from '../store.ts';
import { createAbandoned } from './abandoned.ts';
import { openPool } from './database.ts';
import { createHints } from './hints.ts';
import { instanceStore, purge } from './instances.ts';
import { migrate } from './migrate.ts';
import { asOpenError } from './pg-errors.ts';
import { runStore } from './runs.ts';
import { requireUsableSchema } from './schemas.ts';
import { threadStore } from './threads.ts';

/**
 * Opens a store that several processes may share. Works through PgBouncer in transaction mode, too:
 * every statement is unnamed and a transaction of its own. `?max=` sets how many connections are
 * kept at most (10); one more listens.
 *
 * @throws JimsError `store_unavailable` when the server does not answer, `store_invalid` when it does
 * and the database cannot be used: wrong password, no such database, no right to make tables.
 */
export async function openPostgresStore(url: string, schema?: string): Promise<Store> {
  const description = describe(url);
  if (schema !== undefined) requireUsableSchema(schema);
  const schemas = await migrate(url, schema).catch((error: unknown) => {
    throw asOpenError(error, description);
  });
  const db = openPool(url, schemas);
  const hints = createHints(url, db);
  const abandoned = createAbandoned(db);
  let open = true;

  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    abandoned.close();
    await hints.close();
    await db.close();
  }

  return {
    description,
    shared: true,
    ping: async () => void (await db.query('select 1')),
    ...threadStore(db),
    ...runStore(db, hints, abandoned),
    ...instanceStore(db, hints),
    purge: (limits) => purge(db, limits),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The URL without user and password, which a message must not show. */
function describe(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) {
    throw new JimsError(
      'store_invalid',
      'The PostgreSQL URL cannot be read: write special characters of the password as %XX',
    );
  }
  const { host, pathname, searchParams } = parsed;
  return `PostgreSQL ${host || (searchParams.get('host') ?? 'localhost')}${pathname}`;
}
