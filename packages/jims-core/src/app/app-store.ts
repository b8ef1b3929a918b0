import { JimsError } from '../errors/jims-error.ts';
import { DEFAULT_STORE_URL, openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
// Which store an app works on, and why it does not.
import type { OpenOptions } from './open-options.ts';

/** The store that an app was made with, when it is not just the URL of one. */
export function givenStore(store: Store | string | undefined): Store | undefined {
  return typeof store === 'string' ? undefined : store;
}

/**
 * Opens the store of an app: of a URL that goes before its own, its own, or the default.
 *
 * @throws JimsError `app_invalid` for a URL beside a store of the app's own, or as `openStore`.
 */
export async function storeOf(
  own: Store | string | undefined,
  { store: url, schema = process.env['JIMS_SCHEMA'] || undefined, logger }: OpenOptions,
): Promise<Store> {
  if (own !== undefined && typeof own !== 'string') {
    if (url === undefined) return own;
    throw new JimsError(
      'app_invalid',
      'The app brings its own store: leave out the connection URL',
    );
  }
  return openStore(url ?? own ?? process.env['JIMS_DB_CONN_URI'] ?? DEFAULT_STORE_URL, {
    schema,
    logger,
  });
}

export function shuttingDown(): JimsError {
  return new JimsError('shutting_down', 'The service is shutting down');
}

export function tooLate(): JimsError {
  return new JimsError(
    'app_invalid',
    'The app is open already, so options of open() come too late: call open() before the app is used. In an app that jims-api serves leave open() out: the command calls it, with its own options',
  );
}
