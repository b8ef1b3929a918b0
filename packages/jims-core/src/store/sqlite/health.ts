import { existsSync } from 'node:fs';

import { JimsError } from '../../errors/jims-error.ts';
import { asStoreError, isDamage, isSqliteError, isDuplicate } from './errors.ts';

/** How long a file counts as damaged after an error said so: most statements do not touch the bad page. */
const DAMAGE_MS = 30_000;

/** Whether the last write worked, and whether the file is in order. */
export class Health {
  #isWell = true;
  #damagedUntil = 0;

  /** False after a failure, until a write works again. */
  get isWell(): boolean {
    return this.#isWell;
  }

  /** A write has worked. */
  wrote(): void {
    this.#isWell = true;
  }

  /** Notes the outcome of a read. That it works says nothing about writing. */
  ofRead<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      throw this.failed(error);
    });
  }

  /** Notes a failure, and gives it as an error of the store. */
  failed(error: unknown): unknown {
    const cause = error instanceof JimsError ? error.cause : error;
    if (isSqliteError(cause) && !isDuplicate(cause)) this.#isWell = false;
    if (isDamage(cause)) this.#damagedUntil = performance.now() + DAMAGE_MS;
    return asStoreError(error);
  }

  /** @throws JimsError `store_unavailable` for a while after the file was found damaged. */
  requireNoDamage(): void {
    if (performance.now() > this.#damagedUntil) return;
    throw new JimsError('store_unavailable', 'SQLite: the database file is damaged');
  }
}

/** @throws JimsError `store_unavailable` when the file is gone: its system keeps what is written only while it is open. */
export function requireFile(path: string): void {
  if (existsSync(path)) return;
  throw new JimsError(
    'store_unavailable',
    `SQLite: the file '${path}' was moved or removed, and what is written now is lost at the end of this process: put it back, and restart`,
  );
}
