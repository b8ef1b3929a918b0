import { JimsError } from '../../errors/jims-error.ts';
import { asStoreError, isDamage, isSqliteError } from './errors.ts';

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

  /** Notes the outcome of a write; SQLite's errors become errors of the store. */
  async ofWrite<T>(work: Promise<T>): Promise<T> {
    const value = await work.catch((error: unknown) => this.#failed(error));
    this.#isWell = true;
    return value;
  }

  /** Like {@link ofWrite}, for a read: that it works says nothing about writing. */
  ofRead<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => this.#failed(error));
  }

  /** @throws JimsError `store_unavailable` for a while after the file was found damaged. */
  requireNoDamage(): void {
    if (performance.now() > this.#damagedUntil) return;
    throw new JimsError('store_unavailable', 'SQLite: the database file is damaged');
  }

  #failed(error: unknown): never {
    const cause = error instanceof JimsError ? error.cause : error;
    if (isSqliteError(cause)) this.#isWell = false;
    if (isDamage(cause)) this.#damagedUntil = performance.now() + DAMAGE_MS;
    throw asStoreError(error);
  }
}
