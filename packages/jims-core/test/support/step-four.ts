import { DatabaseSync } from 'node:sqlite';

/** Makes a SQLite file one of step 4, as if it had never been opened since. */
export function undoStepFive(path: string): void {
  using db = new DatabaseSync(path);
  const made = db
    .prepare(
      `SELECT type, name FROM sqlite_schema
       WHERE (type = 'trigger' AND name LIKE 'jims_%')
         OR (type = 'table' AND name IN ('jims_activity', 'jims_feedback', 'jims_files', 'jims_search',
           'jims_searched', 'jims_shelves', 'jims_noted', 'jims_subscriptions', 'jims_deliveries'))
         OR name = 'jims_thread_events_titled'
       ORDER BY type DESC`,
    )
    .all();
  for (const { type, name } of made) db.exec(`DROP ${String(type)} ${String(name)}`);
  db.exec('DELETE FROM jims_migrations WHERE version >= 5');
}
