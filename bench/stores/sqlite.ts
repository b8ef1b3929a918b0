import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';

import { SEEDED_TEXT } from './bench-database.ts';
import type { BenchDatabase, SeededThreads, StoredCounts } from './bench-database.ts';

/** A file that does not exist yet. */
export function sqliteDatabase(file: string): BenchDatabase {
  return {
    url: `sqlite:///${file}`,
    async seed(threads) {
      using db = new DatabaseSync(file, { timeout: 5000 });
      db.exec('PRAGMA synchronous = OFF; BEGIN IMMEDIATE');
      seed(db, threads);
      db.exec('COMMIT');
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    async count() {
      using db = new DatabaseSync(file, { readOnly: true });
      return count(db);
    },
    processes: () => [],
    cpuMs: () => 0,
  };
}

function seed(
  db: DatabaseSync,
  { prefix, count: threads, events, ofOneContact = false }: SeededThreads,
): void {
  const insertThread = db.prepare(
    `INSERT INTO threads (thread_id, contact_id, created_at, thread_config)
     VALUES (?, ?, ?, '{"interface":"api"}')`,
  );
  const insertEvent = db.prepare(
    `INSERT INTO thread_events
       (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
     VALUES (?, ?, ?, ?, 'comm', ?, ?)`,
  );
  for (let thread = 0; thread < threads; thread++) {
    const id = hexId();
    insertThread.run(id, ofOneContact ? prefix : prefix + thread, time(0));
    for (let event = 0; event < events; event++) {
      const role = event % 2 === 0 ? 'user' : 'assistant';
      const data = JSON.stringify({ role, content: SEEDED_TEXT });
      const name = `${role}_message`;
      insertEvent.run(id, hexId(), time(event + 1), `comm.${name}`, name, data);
    }
  }
}

function count(db: DatabaseSync): StoredCounts {
  const row = db
    .prepare(
      `SELECT (SELECT count(*) FROM threads) AS threads,
              (SELECT count(*) FROM thread_events
               WHERE event_type IN ('comm.user_message', 'comm.assistant_message')) AS messages`,
    )
    .get();
  return { threads: Number(row?.['threads']), messages: Number(row?.['messages']) };
}

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}

/** A second for each event, some time ago. */
function time(second: number): string {
  const iso = new Date(Date.UTC(2026, 0, 1) + second * 1000 + 1).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}000`;
}
