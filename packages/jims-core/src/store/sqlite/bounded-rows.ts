import type { ReadBounds } from '../store.ts';
import { READ_BYTES } from '../store.ts';

/** What of a statement's rows fits its bounds. */
export interface BoundedRows<TRow> {
  readonly rows: readonly TRow[];
  /** Whether there is another row that did not fit. */
  readonly more: boolean;
}

/**
 * Takes rows as long as they fit: always the first. A statement that is read so must be left before
 * anything is written.
 */
export function boundedRows<TRow>(
  rows: Iterable<TRow>,
  { limit, maxBytes = READ_BYTES }: ReadBounds,
  sizeOf: (row: TRow) => number,
): BoundedRows<TRow> {
  const taken: TRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += sizeOf(row);
    if (taken.length > 0 && (bytes > maxBytes || taken.length >= limit)) {
      return { rows: taken, more: true };
    }
    taken.push(row);
  }
  return { rows: taken, more: false };
}

/** The driver's types know rows as objects alone. */
export function asRows<TRow>(rows: Iterable<unknown>): Iterable<TRow> {
  return rows as Iterable<TRow>;
}
