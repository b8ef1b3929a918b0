import type { ClientConfig, QueryResultRow } from 'pg';

import { CallGroup } from './call-group.ts';
import { callSql } from './functions.ts';
import type { Arguments } from './functions.ts';
import { refuseNul } from './parameters.ts';
import type { Parameter } from './parameters.ts';
import { ConnectionPool } from './pool.ts';
import type { ConnectionPoolOptions } from './pool.ts';
import { inSchemas } from './schemas.ts';
import type { Schemas } from './schemas.ts';

export interface ListedItems<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/**
 * The tables and functions of an application, in its schemas. Everything that is sent is one statement:
 * a transaction of its own, and one round trip. It rejects with `store_unavailable`, and with
 * `invalid_event` for what PostgreSQL cannot keep.
 */
export class Database {
  readonly #schemas: Schemas;
  readonly #pool: ConnectionPool;
  readonly #group: CallGroup;
  readonly #statements = new Map<string, string>();

  constructor(config: ClientConfig, schemas: Schemas, pool: ConnectionPoolOptions) {
    this.#schemas = schemas;
    this.#pool = new ConnectionPool(config, pool);
    this.#group = new CallGroup(schemas.own, this.#pool);
  }

  /**
   * Sends SQL that names tables and functions as `original.threads`, `jims.runs`: see `inSchemas`. It is
   * the same text at every call; what differs are the values of `$1`, `$2` …
   */
  query<R extends QueryResultRow>(
    sql: string,
    values: readonly Parameter[] = [],
  ): Promise<readonly R[]> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = inSchemas(this.#schemas, sql);
      this.#statements.set(sql, statement);
    }
    return this.#pool.send({ sql: statement, values });
  }

  /** Calls a function of our own schema; resolves with its result. */
  async call<T>(name: string, args: Arguments): Promise<T> {
    const { sql, values } = callSql(this.#schemas.own, { name, args });
    const [row] = await this.#pool.send<{ result: T }>({ sql: `select ${sql} as result`, values });
    if (!row) throw new TypeError(`The function ${name} gave no row`);
    return row.result;
  }

  /** Calls a function of our own schema that returns a table. */
  rowsOf<R extends QueryResultRow>(name: string, args: Arguments): Promise<readonly R[]> {
    const { sql, values } = callSql(this.#schemas.own, { name, args });
    return this.#pool.send({ sql: `select * from ${sql}`, values });
  }

  /** Calls a function of our own schema that returns a list as `jims.bounded` does. */
  async listOf<T>(name: string, args: Arguments): Promise<ListedItems<T>> {
    const { sql, values } = callSql(this.#schemas.own, { name, args });
    const rows = await this.#pool.send<{ item: T | null; more: boolean }>({
      sql: `select * from ${sql} as list (item, more)`,
      values,
    });
    return {
      items: rows.flatMap(({ item }) => (item === null ? [] : [item])),
      more: rows.at(-1)?.more ?? false,
    };
  }

  /**
   * As `call`, for what happens in every run: calls that come while others are under way share a
   * statement.
   *
   * @param onUnknown Called when the connection was lost under way, so that nobody knows whether it was done.
   */
  async callInGroup<T>(name: string, args: Arguments, onUnknown?: () => void): Promise<T> {
    refuseNul(Object.values(args));
    return (await this.#group.call({ name, args }, onUnknown)) as T;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
