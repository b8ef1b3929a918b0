import { DatabaseSync } from 'node:sqlite';

import type { Checks } from './checks.ts';

/** I1: a SQLite file is not damaged. */
export function checkIntegrity(checks: Checks, url: string): void {
  using file = new DatabaseSync(url.slice('sqlite:///'.length));
  const found = String(file.prepare('PRAGMA integrity_check').get()?.['integrity_check']);
  checks.that('I1', found === 'ok', () => `the file is damaged: ${found}`);
}
