import type { DatabaseSync, SQLInputValue, StatementResultingChanges } from 'node:sqlite';

import type { ReadBounds } from '../store.ts';
import { READ_BYTES } from '../store.ts';

/** A statement, and the rows that it returns. */
export interface Sql<TRow> {
  readonly text: string;
  /** Never there: it only ties the type of the rows to the statement. */
  readonly row?: TRow;
}

/** Names the rows of a statement, for {@link prepareAll}. */
export function sql<TRow extends readonly unknown[]>(text: string): Sql<TRow> {
  return { text };
}

/** A prepared statement. */
export interface Statement<TRow> {
  run(...values: readonly SQLInputValue[]): StatementResultingChanges;
  get(...values: readonly SQLInputValue[]): TRow | undefined;
  all(...values: readonly SQLInputValue[]): readonly TRow[];
  /** Nothing may be written before the loop over the rows is left. */
  iterate(...values: readonly SQLInputValue[]): Iterable<TRow>;
}

export type Statements<TSql> = {
  readonly [TName in keyof TSql]: Statement<TSql[TName] extends Sql<infer TRow> ? TRow : never>;
};

/** Prepares statements by name. Their rows come as arrays, which cost less than objects. */
export function prepareAll<TSql extends Readonly<Record<string, string | Sql<unknown>>>>(
  db: DatabaseSync,
  statements: TSql,
): Statements<TSql> {
  const prepared = Object.entries(statements).map(([name, statement]) => {
    const made = db.prepare(typeof statement === 'string' ? statement : statement.text);
    made.setReturnArrays(true);
    return [name, made] as const;
  });
  // The driver's types know rows as objects alone.
  return Object.fromEntries(prepared) as unknown as Statements<TSql>;
}

/** The rows of a statement that fit its bounds. */
export interface BoundedRows<TRow> {
  readonly rows: readonly TRow[];
  /** Whether there is another row that did not fit. */
  readonly more: boolean;
}

/** Takes rows as long as they fit, and the first in any case. */
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
