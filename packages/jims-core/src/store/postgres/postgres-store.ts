import { JimsError } from '../../errors/jims-error.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import type { OpenStoreOptions } from '../open-store.ts';
import type { Store } from '../store.ts';
import { createAbandoned } from './abandoned.ts';
import { readAddress } from './address.ts';
import { openPool } from './database.ts';
import { createHints } from './hints.ts';
import { createPurge, instanceStore } from './instances.ts';
import { migrate } from './migrate.ts';
import { asOpenError } from './pg-errors.ts';
import { runStore } from './runs.ts';
import { requireUsableSchema } from './schemas.ts';
import { createThreadWatchers } from './thread-news.ts';
import { threadStore } from './threads.ts';

/**
 * Opens a store that several processes may share. Works through PgBouncer in transaction mode, too:
 * every statement is unnamed and a transaction of its own. `?max=` sets how many connections are
 * kept at most (10); one more listens.
 *
 * @throws JimsError `store_unavailable` when the server does not answer, `store_invalid` when it does
 * and the database cannot be used: wrong password, no such database, no right to make tables.
 */
export async function openPostgresStore(
  url: string,
  { schema, logger = silentLogger }: OpenStoreOptions = {},
): Promise<Store> {
  const address = readAddress(url);
  const { description, maxConnections } = address;
  const { schemas, config } = await migrate(
    address,
    chosenSchema(schema, address.schema),
    logger,
  ).catch((error: unknown) => {
    throw asOpenError(error, description);
  });
  const db = openPool({ config, schemas, maxConnections });
  const hints = createHints(config, db);
  const abandoned = createAbandoned(db);
  const watchers = createThreadWatchers(db);
  let open = true;

  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    abandoned.close();
    watchers.close();
    await hints.close();
    await db.close();
  }

  return {
    description,
    shared: true,
    // A server that only reads, as a standby does, refuses this; any other one writes nothing by it.
    ping: async () => void (await db.query('delete from jims.instances where false')),
    ...threadStore(db, watchers),
    ...runStore(db, { hints, abandoned, watchers }),
    ...instanceStore(db, hints),
    purge: createPurge(db),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** @throws JimsError `store_invalid` for two names, and for one that cannot be used. */
function chosenSchema(
  option: string | undefined,
  parameter: string | undefined,
): string | undefined {
  const schema = option ?? parameter;
  if (schema === undefined) return undefined;
  if (parameter !== undefined && parameter !== schema) {
    throw new JimsError(
      'store_invalid',
      `The schema is '${schema}' by --schema and '${parameter}' by the PostgreSQL URL: leave one of them out`,
    );
  }
  requireUsableSchema(schema);
  return schema;
}
