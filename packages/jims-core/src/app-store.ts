// Which store an app works on, and why it does not.
import { JimsError } from './errors.ts';
import { DEFAULT_STORE_URL, openStore } from './store/open-store.ts';
import type { Store } from './store/store.ts';

/** Opens the store at `url`, or else the app's own one. */
export async function storeOf(
  own: Store | string | undefined,
  url: string | undefined,
): Promise<Store> {
  if (own !== undefined && typeof own !== 'string') {
    if (url === undefined) return own;
    throw new JimsError(
      'app_invalid',
      'The app brings its own store: leave out the connection URL',
    );
  }
  return openStore(url ?? own ?? process.env['JIMS_DB_CONN_URI'] ?? DEFAULT_STORE_URL);
}

/** A store that an app was given, which is open already. */
export function givenStore(store: Store | string | undefined): Store | undefined {
  return typeof store === 'string' ? undefined : store;
}

export function shuttingDown(): JimsError {
  return new JimsError('shutting_down', 'The service is shutting down');
}

export function tooLate(): JimsError {
  return new JimsError(
    'app_invalid',
    'The app is open already, so options of open() come too late: call open() before the app is used',
  );
}
