import { JimsError } from '../errors/jims-error.ts';
import { requireNewNode } from '../errors/node-version.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { MemoryDatabase } from './sqlite/memory-database.ts';
import type { Store } from './store.ts';

/** Where threads are kept by default: a file in the current folder. */
export const DEFAULT_STORE_URL = 'sqlite:///jims.db';

const SQLITE = /^sqlite(?:\+\w+)?:\/\/(.*)$/is;
const POSTGRES = /^postgres(?:ql)?(?:\+\w+)?:\/\//i;
const MEMORY = /^(?:sqlite(?:\+\w+)?:)?(?:\/\/\/?)?:memory:$/i;

/** How a store is opened, beside its URL. */
export interface OpenStoreOptions {
  /**
   * The schema of the application's threads in a PostgreSQL database, for a database with several
   * applications; what JIMS adds is in a schema of its own beside it, `NAME_jims`. Default: where the
   * threads are, else the first schema of the search path. Not for SQLite.
   */
  readonly schema?: string | undefined;
  /** Gets a line about each thing that opening waits for, and about a new database. Default: silent. */
  readonly logger?: Logger | undefined;
  /** Refuses a database that has no threads' tables yet, in place of making one. Default: false. */
  readonly mustExist?: boolean | undefined;
}

/**
 * Opens the store that a connection URL names and brings its tables up to date. Takes
 * `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite::memory:`, `postgresql://…`, and the
 * original's forms with a driver (`sqlite+aiosqlite://`, `postgresql+asyncpg://`).
 *
 * @throws JimsError `store_invalid` for a URL that names no store, or with `mustExist` a new one;
 * `store_unavailable` when the database cannot be reached.
 *
 * @example
 * await using store = await openStore('postgresql://jims@db.example/chat', { schema: 'support' });
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  requireNewNode();
  // A file of a secret ends with a line break, which would be a part of the name of a new, empty database.
  const address = url.trim();
  if (POSTGRES.test(address)) {
    const { openPostgresStore } = await import('./postgres/postgres-store.ts');
    return openPostgresStore(address, options);
  }
  const file = sqliteFile(address);
  if (file !== undefined) {
    if (options.schema !== undefined) {
      throw new JimsError('store_invalid', 'A SQLite file has no schemas: leave out the schema');
    }
    const { openSqliteStore } = await import('./sqlite/sqlite-store.ts');
    return openSqliteStore(file, options);
  }
  throw new JimsError(
    'store_invalid',
    `Cannot tell which database ${beginningOf(address)} means: use sqlite:///file.db or postgresql://user@host/database`,
  );
}

/** Opens a database in memory, for tests. */
export async function openMemoryDatabase(): Promise<MemoryDatabase> {
  requireNewNode();
  const { MemoryDatabase: Database } = await import('./sqlite/memory-database.ts');
  return Database.open();
}

function sqliteFile(url: string): string | undefined {
  if (MEMORY.test(url) || url.toLowerCase() === 'sqlite://') return ':memory:';
  const path = SQLITE.exec(url)?.[1]?.replace(/\?.*$/s, '');
  if (path === undefined || !path.startsWith('/') || path === '/') return undefined;
  return unescaped(path.slice(1));
}

function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new JimsError('store_invalid', `Cannot read the path '${path}': write % as %25`, {
      cause,
    });
  }
}

/** All that may be shown of a URL that we cannot read: any other part may be a password. */
function beginningOf(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*(?=:\/)/i.exec(url)?.[0];
  return scheme === undefined ? 'the URL' : `the URL '${scheme}:…'`;
}
