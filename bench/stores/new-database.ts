import { join } from 'node:path';

import type { Bench } from '../scenario.ts';
import type { BenchDatabase, StoreName } from './bench-database.ts';
import { sqliteDatabase } from './sqlite.ts';

let made = 0;

/** An empty database that no other program uses. */
export async function newDatabase(bench: Bench, store: StoreName): Promise<BenchDatabase> {
  const name = `bench_${++made}`;
  switch (store) {
    case 'SQLite':
      return sqliteDatabase(join(bench.folder, `${name}.db`));
    case 'PostgreSQL':
      return (await bench.postgres()).newDatabase(name);
  }
}
