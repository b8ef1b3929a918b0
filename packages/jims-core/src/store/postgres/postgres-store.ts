import { JimsError, describeError } from '../../errors/jims-error.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import type { OpenStoreOptions } from '../open-store.ts';
import type { Store } from '../store.ts';
import { readAddress } from './address.ts';
import { chainStore } from './chains.ts';
import { Database } from './database.ts';
import { asOpenError } from './errors.ts';
import { eventStore } from './events.ts';
import { feedbackStore } from './feedback.ts';
import { fileRecords } from './file-records.ts';
import { chunkedFileStore } from './file-store.ts';
import { Purge, instanceStore } from './instances.ts';
import { migrate } from './migrations.ts';
import { NotedEvents } from './noted-events.ts';
import { Notifications } from './notifications.ts';
import { outboxStore } from './outbox.ts';
import { overviewStore } from './overviews.ts';
import { progressStore } from './progress.ts';
import { questionStore } from './questions.ts';
import { requireSettings } from './requirements.ts';
import { runLists } from './run-lists.ts';
import { runRecords } from './run-records.ts';
import { runStore } from './runs.ts';
import { requireUsableSchema } from './schemas.ts';
import { ThreadNews } from './thread-news.ts';
import { threadStore } from './threads.ts';
import { UnansweredRequests } from './unanswered.ts';

/**
 * Opens a store that several processes may share. It works through PgBouncer in transaction mode, too:
 * every statement is unnamed and a transaction of its own. `?max=` sets how many connections are
 * kept at most (10); one more listens.
 *
 * @throws JimsError `store_unavailable` when the server does not answer, `store_invalid` when it does
 * and the database cannot be used: wrong password, no such database, no right to make tables.
 */
export async function openPostgresStore(
  url: string,
  { schema, logger = silentLogger, mustExist = false }: OpenStoreOptions = {},
): Promise<Store> {
  const address = readAddress(url);
  const { description, maxConnections } = address;
  const chosen = chosenSchema(schema, address.schema);
  const { schemas, config } = await migrate(address, { schema: chosen, logger, mustExist }).catch(
    (error: unknown) => {
      throw asOpenError(error, description);
    },
  );
  const db = new Database(config, schemas, {
    size: maxConnections,
    check: (client) => requireSettings(client, description),
  });
  const notifications = new Notifications(config, db, (error) => {
    const what =
      'no lock shows that this process lives: others know of its death by its lease alone';
    logger.warn({ error: describeError(error) }, what);
  });
  const unanswered = new UnansweredRequests(db);
  const { watchers } = new ThreadNews(db);
  const noted = new NotedEvents(db);
  const purge = new Purge(db);
  let isOpen = true;

  async function close(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    unanswered.close();
    watchers.close();
    await notifications.close();
    await db.close();
  }

  return {
    description,
    shared: true,
    // A server that only reads, as a standby does, refuses this; any other one writes nothing by it.
    ping: async () => void (await db.query('delete from jims.instances where false')),
    fileStore: chunkedFileStore(db, description),
    ...threadStore(db, watchers, noted),
    ...overviewStore(db, noted),
    ...feedbackStore(db, watchers),
    ...fileRecords(db),
    ...outboxStore(db),
    ...eventStore(db, watchers),
    ...runStore(db, { notifications, unanswered, watchers }),
    ...runRecords(db),
    ...runLists(db),
    ...progressStore(db),
    ...chainStore(db),
    ...questionStore(db),
    ...instanceStore(db, notifications),
    purge: (limits) => purge.run(limits),
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
