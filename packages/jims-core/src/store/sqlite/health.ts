import { JimsError } from '../../errors/jims-error.ts';
import { asStoreError, isDamage, isSqliteError } from './sqlite-errors.ts';

/** How long a file that was found damaged counts as such: what is damaged is only met now and then. */
const DAMAGE_MS = 30_000;

/** Whether what was last written could be written, and whether the file is in order. */
export interface Health {
  /** The same as `work`, whose outcome is noted; an error of SQLite becomes one of the store. */
  ofWrite<T>(work: Promise<T>): Promise<T>;
  /** The same; but that something can be read says nothing about writing. */
  ofRead<T>(work: Promise<T>): Promise<T>;
  isWell(): boolean;
  /** @throws JimsError `store_unavailable` for a while after the file was found damaged. */
  requireNoDamage(): void;
}

export function createHealth(): Health {
  let isWell = true;
  let damagedUntil = 0;

  function failed(error: unknown): never {
    const cause = error instanceof JimsError ? error.cause : error;
    if (isSqliteError(cause)) isWell = false;
    if (isDamage(cause)) damagedUntil = performance.now() + DAMAGE_MS;
    throw asStoreError(error);
  }

  return {
    async ofWrite(work) {
      const value = await work.catch(failed);
      isWell = true;
      return value;
    },
    ofRead: (work) => work.catch(failed),
    isWell: () => isWell,
    requireNoDamage() {
      if (performance.now() > damagedUntil) return;
      throw new JimsError('store_unavailable', 'SQLite: the database file is damaged');
    },
  };
}
