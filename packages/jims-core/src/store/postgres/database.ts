import { setTimeout as sleep } from 'node:timers/promises';

import { Pool } from 'pg';
import type { ClientConfig, PoolClient, QueryResultRow } from 'pg';

import { callStatement, createCallGroup } from './call-group.ts';
import { refuseNul } from './parameters.ts';
import type { Parameter } from './parameters.ts';
import { asStoreError, isConnectionLoss, isExhausted, isWorthRetrying } from './pg-errors.ts';
import { inSchemas } from './schemas.ts';
import type { Schemas } from './schemas.ts';

/** A pool of connections. Every statement is a transaction of its own, and one round trip. */
export interface Database {
  /**
   * Tables and functions are named as `original.threads`, `jims.runs`: see `inSchemas`. The text of a
   * statement is the same at every call; what differs are its parameters.
   *
   * @throws JimsError `store_unavailable`, or `invalid_event` for what PostgreSQL cannot keep.
   */
  query<R extends QueryResultRow>(
    sql: string,
    parameters?: readonly Parameter[],
  ): Promise<readonly R[]>;
  /**
   * Calls a function of our own schema with its parameters in order. `onUnknown` is called when the
   * connection was lost under way, so that nobody knows whether it was done.
   */
  call<T>(
    name: string,
    parameters: Readonly<Record<string, Parameter>>,
    onUnknown?: () => void,
  ): Promise<T>;
  /** As `call`, for what happens in every run: calls that come while others are under way share a statement. */
  callInGroup: Database['call'];
  close(): Promise<void>;
}

const POOL_SIZE = 10;
const IDLE_TIMEOUT_MS = 60_000;
/**
 * Watched from this side. A `statement_timeout` would have to be a startup parameter or a `SET`: the
 * first is refused by PgBouncer, the second stays with whoever gets the connection next. Waiting for
 * locks is bounded in the server, by a `lock_timeout` for the transaction; a transaction cannot be left
 * idle, as each is one statement.
 */
const QUERY_TIMEOUT_MS = 10_000;
const TRIES = 5;
const CHECKOUT_TIMEOUT_MS = 5000;
const LIMITED_MS = 30_000;

export interface PoolOptions {
  readonly config: ClientConfig;
  readonly schemas: Schemas;
  /** Default: 10. */
  readonly maxConnections: number | undefined;
}

export function openPool({ config, schemas, maxConnections = POOL_SIZE }: PoolOptions): Database {
  const pool = new Pool({
    ...config,
    query_timeout: QUERY_TIMEOUT_MS,
    max: maxConnections,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    allowExitOnIdle: true,
  });
  // A lost connection tells whoever uses it by rejecting; without these it would end the process, the
  // second one also while it is checked out.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));

  const statements = new Map<string, string>();
  function inOurSchemas(sql: string): string {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = inSchemas(schemas, sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * The server may allow fewer connections than the pool wants. Then those that are there are shared,
   * and more are tried again after a while.
   */
  async function checkOut(): Promise<PoolClient> {
    const deadline = performance.now() + CHECKOUT_TIMEOUT_MS;
    for (;;) {
      try {
        return await pool.connect();
      } catch (error) {
        const { totalCount } = pool;
        if (!isExhausted(error) || totalCount === 0 || performance.now() > deadline) throw error;
        limitPool(totalCount);
      }
    }
  }

  function limitPool(count: number): void {
    pool.options.max = Math.min(pool.options.max, count);
    setTimeout(() => {
      pool.options.max = maxConnections;
    }, LIMITED_MS).unref();
  }

  async function once<R extends QueryResultRow>(
    sql: string,
    parameters: readonly Parameter[],
    onUnknown: () => void,
  ): Promise<readonly R[]> {
    return send<R>(await checkOut(), sql, parameters, onUnknown);
  }

  async function query<R extends QueryResultRow>(
    sql: string,
    parameters: readonly Parameter[] = [],
    onUnknown: () => void = ignore,
  ): Promise<readonly R[]> {
    refuseNul(parameters);
    for (let tries = 1; ; tries++) {
      try {
        return await once<R>(sql, parameters, onUnknown);
      } catch (error) {
        if (tries === TRIES || !isWorthRetrying(error)) throw asStoreError(error);
        await sleep(Math.random() * 10 * tries);
      }
    }
  }

  const inGroup = createCallGroup({
    schema: schemas.own,
    send: async (...statement) => rowOf(await once(...statement)),
    sendAlone: async (...statement) => rowOf(await query(...statement)),
  });

  return {
    query: (sql, parameters) => query(inOurSchemas(sql), parameters),
    async call<T>(
      name: string,
      parameters: Readonly<Record<string, Parameter>>,
      onUnknown?: () => void,
    ): Promise<T> {
      const { sql, values } = callStatement(schemas.own, [{ name, parameters }]);
      return rowOf(await query(`select ${sql}`, values, onUnknown))['r0'] as T;
    },
    async callInGroup<T>(
      name: string,
      parameters: Readonly<Record<string, Parameter>>,
      onUnknown: () => void = ignore,
    ): Promise<T> {
      refuseNul(Object.values(parameters));
      return (await inGroup({ name, parameters, onUnknown })) as T;
    },
    close: () => pool.end(),
  };
}

function rowOf(rows: readonly QueryResultRow[]): QueryResultRow {
  const [row] = rows;
  if (row) return row;
  throw new TypeError('A statement that calls functions gave no row');
}

async function send<R extends QueryResultRow>(
  client: PoolClient,
  sql: string,
  parameters: readonly Parameter[],
  onUnknown: () => void,
): Promise<readonly R[]> {
  let lost = false;
  try {
    const { rows } = await client.query<R>(sql, [...parameters]);
    return rows;
  } catch (error) {
    lost = isConnectionLoss(error);
    if (lost) onUnknown();
    throw error;
  } finally {
    client.release(lost);
  }
}

function ignore(): void {}
