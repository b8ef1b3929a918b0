// The parts of an app that are opened before its engine: what the options name, else the app, else the environment.
import { JimsError } from '../errors/jims-error.ts';
import type { Traces } from '../run/trace/traces.ts';
import { openFileStore } from '../store/open-file-store.ts';
import { DEFAULT_STORE_URL, openStore } from '../store/open-store.ts';
import type { FileStore, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { noticeWaiting } from './notice-waiting.ts';
import type { OpenOptions } from './options.ts';

/** How a part is opened, and where it is reported that this takes long. */
type Opening = OpenOptions & { readonly logger: Logger };

/** Opens the store of an app: of the URL in the options, the app's own, or the default. */
export async function openDatabase(
  own: Store | string | undefined,
  { store: url, schema = process.env['JIMS_SCHEMA']?.trim() || undefined, logger }: Opening,
): Promise<Store> {
  if (own !== undefined && typeof own !== 'string') {
    if (url === undefined) return own;
    throw new JimsError(
      'app_invalid',
      'The app brings its own store: leave out the connection URL',
    );
  }
  const byDefault = process.env['JIMS_DB_CONN_URI']?.trim() || DEFAULT_STORE_URL;
  const still = 'still opening the store: the database does not answer, or something holds a lock';
  const opening = openStore(url ?? own ?? byDefault, { schema, logger });
  return noticeWaiting(opening, () => logger.warn({}, still));
}

/** Opens the place of files that the options or the app name; `undefined` for the one with the database. */
export async function openFiles(
  own: FileStore | string | undefined,
  { files, logger }: Opening,
): Promise<FileStore | undefined> {
  const isBrought = typeof own === 'object';
  const byDefault = (isBrought ? undefined : process.env['JIMS_FILES']) || own;
  const given = files ?? byDefault;
  if (given === undefined) return undefined;
  const store = typeof given === 'string' ? await openFileStore(given) : given;
  const still = `still trying to keep files: ${store.description} does not answer`;
  try {
    await noticeWaiting(store.check(), () => logger.warn({}, still));
  } catch (error) {
    if (store !== own) await store.close().catch(() => {});
    throw error;
  }
  return store;
}

/** Opens the place of traces, where there are to be any. */
export async function openTraces(
  { traces }: OpenOptions,
  logger: Logger,
): Promise<Traces | undefined> {
  if (traces === undefined || traces === false) return undefined;
  const { Traces } = await import('../run/trace/traces.ts');
  return Traces.open(traces === true ? undefined : traces, logger);
}
