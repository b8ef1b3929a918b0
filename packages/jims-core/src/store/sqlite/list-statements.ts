import type { DatabaseSync } from 'node:sqlite';

import { prepareAll, sql } from './rows.ts';
import type { Statement } from './rows.ts';

/** The filters of a list as SQL. A condition for one that is not wanted would keep SQLite from using an index. */
export class Conditions {
  readonly #conditions: string[];
  readonly values: string[] = [];

  /** @param always Conditions without values. */
  constructor(...always: readonly string[]) {
    this.#conditions = [...always];
  }

  /** @param values Those of the condition's `?`. */
  add(condition: string, ...values: readonly string[]): void {
    this.#conditions.push(condition);
    this.values.push(...values);
  }

  get text(): string {
    return this.#conditions.join(' AND ') || 'true';
  }
}

/** The statements of a list, of which there is one for each combination of filters. */
export class ListStatements<TRow extends readonly unknown[]> {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, Statement<TRow>>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Reads rows as they are taken. The loop over them is to be left before the next one begins. */
  rows(text: string, values: readonly (string | number)[]): Iterable<TRow> {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = prepareAll(this.#db, { list: sql<TRow>(text) }).list;
      this.#statements.set(text, statement);
    }
    return statement.iterate(...values);
  }
}
