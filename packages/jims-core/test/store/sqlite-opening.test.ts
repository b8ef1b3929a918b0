import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';

import { isJimsError } from '../../src/errors/jims-error.ts';
import { openStore } from '../../src/store/open-store.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { freshSqlite } from '../support/sqlite.ts';

const FOREIGN = 'CREATE TABLE threads (thread_id TEXT PRIMARY KEY, title TEXT)';

describe('a SQLite file', () => {
  for (const [what, sql, why] of [
    ['with tables of another program', FOREIGN, /table threads has no column contact_id, /],
    [
      'whose table of events lacks a column',
      'ALTER TABLE thread_events DROP COLUMN event_domain',
      /table thread_events has no column event_domain\./,
    ],
    ['whose own table lacks a column', 'ALTER TABLE jims_runs DROP COLUMN durable', /durable/],
    ['that lacks a table', 'DROP TABLE jims_journal', /no such table: .*jims_journal/],
    ['with migrations of another program', 'CREATE TABLE jims_migrations (n TEXT)', /version/],
  ] as const) {
    test(`${what} is refused by one line that names the file and says what to do`, async () => {
      using file = freshSqlite();
      if (!sql.startsWith('CREATE')) await (await openStore(file.url)).close();
      change(file.path, sql);
      await assert.rejects(openStore(file.url), (error) => {
        assert.ok(isJimsError(error));
        assert.equal(error.code, 'store_invalid');
        assert.match(error.message, why);
        assert.match(error.message, /^Cannot use '.*test\.db'.*: name another file.*backup$/);
        return true;
      });
    });
  }

  test('of another program is left as it is', async () => {
    using file = freshSqlite();
    change(file.path, FOREIGN);
    await assert.rejects(openStore(file.url));
    using db = new DatabaseSync(file.path);
    assert.deepEqual({ ...db.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'delete' });
    assert.equal(db.prepare('SELECT * FROM sqlite_schema WHERE type = ?').all('table').length, 1);
  });

  test('that is new is logged once, with its path', async () => {
    using file = freshSqlite();
    const lines: unknown[] = [];
    const logger: Logger = { ...silentLogger, info: (...line) => void lines.push(line) };
    for (let n = 0; n < 2; n++) await (await openStore(file.url, { logger })).close();
    assert.deepEqual(lines, [[{ file: file.path }, 'a new database was made']]);
  });
});

function change(path: string, sql: string): void {
  using db = new DatabaseSync(path);
  db.exec(sql);
}
