import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Bench } from '../scenario.ts';
import type { BenchDatabase, StoreName } from '../stores/bench-database.ts';
import { startProgram } from './program.ts';
import type { Program } from './program.ts';

export interface FloorOptions {
  readonly store: StoreName;
  readonly database: BenchDatabase;
  /**
   * On SQLite: how many commits a turn takes; default 2, the question before the answer. Turns at the same time share
   * them; `each` row is a commit of its own instead.
   */
  readonly commits?: 1 | 2 | 'each';
  /** On SQLite: ids that grow (`v7`, the default), or random ones. */
  readonly ids?: 'v4' | 'v7';
  /** How many more rows a turn writes, each in a commit of its own; default 0. */
  readonly steps?: number;
}

/** The program that ours is measured against. */
export function startFloor(
  { folder }: Bench,
  { store, database, commits = 2, ids = 'v7', steps = 0 }: FloorOptions,
): Promise<Program> {
  const name = store === 'SQLite' ? 'sqlite' : 'postgres';
  const file = fileURLToPath(new URL(`../floor/${name}.ts`, import.meta.url));
  const where =
    store === 'SQLite'
      ? ['--file', fileOf(database), '--commits', String(commits), '--ids', ids]
      : ['--url', database.url];
  return startProgram({
    database,
    logFile: join(folder, 'floor.log'),
    args: (port) => [file, '--port', String(port), '--steps', String(steps), ...where],
  });
}

/** The program that streams of tokens are measured against; it stores nothing. */
export function startTokenFloor({ folder }: Bench, database: BenchDatabase): Promise<Program> {
  const file = fileURLToPath(new URL('../floor/tokens.ts', import.meta.url));
  return startProgram({
    database,
    logFile: join(folder, 'floor.log'),
    args: (port) => [file, '--port', String(port)],
  });
}

function fileOf({ url }: BenchDatabase): string {
  return url.replace('sqlite:///', '');
}
