import { JimsError } from '../errors.ts';
import type { Store } from './store.ts';

/** Where threads are kept when nothing is said: a file in the current folder. */
export const DEFAULT_STORE_URL = 'sqlite:///jims.db';

const SQLITE = /^sqlite(?:\+\w+)?:\/\/(.*)$/s;
const POSTGRES = /^(postgres(?:ql)?)(?:\+\w+)?:\/\//;
const MEMORY = /^(?:sqlite(?:\+\w+)?:)?(?:\/\/\/?)?:memory:$/;

/** How a store is opened, beside its URL. */
export interface OpenStoreOptions {
  /**
   * The schema of the application's threads in a PostgreSQL database, for a database with several
   * applications; what JIMS adds is in a schema of its own beside it, `NAME_jims`. Default: where the
   * threads are, else the first schema of the search path. Not for SQLite.
   */
  readonly schema?: string | undefined;
}

/**
 * Opens the store that a connection URL names and brings its tables up to date. Takes
 * `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite::memory:`, `postgresql://…`, and the
 * original's forms with a driver (`sqlite+aiosqlite://`, `postgresql+asyncpg://`).
 *
 * @throws JimsError `store_invalid` for a URL that names no store, `store_unavailable` when the
 * database cannot be reached.
 *
 * @example
 * await using store = await openStore('postgresql://jims@db.example/chat', { schema: 'support' });
 */
export async function openStore(url: string, { schema }: OpenStoreOptions = {}): Promise<Store> {
  if (POSTGRES.test(url)) {
    const { openPostgresStore } = await import('./postgres/postgres-store.ts');
    return openPostgresStore(url.replace(POSTGRES, 'postgresql://'), schema);
  }
  const file = sqliteFile(url);
  if (file !== undefined) {
    if (schema !== undefined) {
      throw new JimsError('store_invalid', 'A SQLite file has no schemas: leave out the schema');
    }
    const { openSqliteStore } = await import('./sqlite/sqlite-store.ts');
    return openSqliteStore(file);
  }
  throw new JimsError(
    'store_invalid',
    `Cannot tell which database '${withoutPassword(url)}' means: use sqlite:///file.db or postgresql://user@host/database`,
  );
}

function sqliteFile(url: string): string | undefined {
  if (MEMORY.test(url) || url === 'sqlite://') return ':memory:';
  const path = SQLITE.exec(url)?.[1]?.replace(/\?.*$/s, '');
  if (path === undefined || !path.startsWith('/') || path === '/') return undefined;
  return unescaped(path.slice(1), url);
}

function unescaped(path: string, url: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new JimsError('store_invalid', `Cannot read '${url}': write % as %25`, { cause });
  }
}

/** The URL as it may be shown. */
function withoutPassword(url: string): string {
  return url.replace(/(\/\/[^/:@]*):[^@]*@/, '$1:***@');
}
