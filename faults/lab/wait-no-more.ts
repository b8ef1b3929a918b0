import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

const PAUSE_MS = 250;

/** Lets no run of a database wait for its next recovery, until it is disposed of: an hour in a minute. */
export async function waitNoMore(url: string): Promise<AsyncDisposable> {
  const { update, end } = url.startsWith('sqlite:') ? sqlite(url) : await postgres(url);
  const over = new AbortController();
  const updating = (async () => {
    while (!over.signal.aborted) {
      await update();
      await sleep(PAUSE_MS);
    }
    await end();
  })();
  return {
    async [Symbol.asyncDispose]() {
      over.abort();
      await updating;
    },
  };
}

interface Updates {
  readonly update: () => unknown;
  readonly end: () => unknown;
}

function sqlite(url: string): Updates {
  const db = new DatabaseSync(url.slice('sqlite:///'.length), { timeout: 5000 });
  return {
    update: () =>
      db.exec(`UPDATE jims_runs SET retry_at = 1 WHERE status = 'running' AND retry_at > 1`),
    end: () => db.close(),
  };
}

async function postgres(url: string): Promise<Updates> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    update: () =>
      client.query(
        `update jims.runs set retry_at = clock_timestamp()
         where status = 'running' and retry_at > clock_timestamp()`,
      ),
    end: () => client.end(),
  };
}
