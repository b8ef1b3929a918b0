import { setTimeout as sleep } from 'node:timers/promises';
import { callbackify } from 'node:util';

import { Pool } from 'pg';
import type { ClientBase, ClientConfig, PoolClient, QueryResultRow } from 'pg';

import { asStoreError, isConnectionLoss, isExhausted, isWorthRetrying } from './errors.ts';
import { refuseNul } from './parameters.ts';
import type { Parameter } from './parameters.ts';

const POOL_SIZE = 10;
const IDLE_TIMEOUT_MS = 60_000;
/**
 * Watched from this side. A `statement_timeout` would have to be a startup parameter or a `SET`: the
 * first is refused by PgBouncer, the second stays with whichever process gets the connection next. Waits
 * for locks are bounded in the server, by a `lock_timeout` for the transaction. A transaction cannot be
 * left idle, as each is one statement.
 */
const QUERY_TIMEOUT_MS = 10_000;
const TRIES = 5;
const CHECKOUT_TIMEOUT_MS = 5000;
const LIMITED_MS = 30_000;

/** SQL that is a transaction of its own, and one round trip. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Parameter[];
  /** Called when the connection was lost under way, so that nobody knows whether it was done. */
  readonly onUnknown?: (() => void) | undefined;
}

export interface ConnectionPoolOptions {
  /** How many connections are kept at most; default 10. */
  readonly size?: number | undefined;
  /** Rejects for a new connection that must not be used. */
  readonly check: (client: ClientBase) => Promise<void>;
}

/** The connections of a store. */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #size: number;

  constructor(config: ClientConfig, { size = POOL_SIZE, check }: ConnectionPoolOptions) {
    this.#size = size;
    const pool = new Pool({
      ...config,
      query_timeout: QUERY_TIMEOUT_MS,
      max: size,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      allowExitOnIdle: true,
      verify: callbackify(check),
    });
    // A connection that is lost rejects its queries. Without these listeners it would end the process,
    // too: idle connections by the first, those that are checked out by the second.
    pool.on('error', ignore);
    pool.on('connect', (client) => client.on('error', ignore));
    this.#pool = pool;
  }

  /**
   * Sends a statement, and sends it again when it and another one were in each other's way.
   *
   * @throws JimsError `store_unavailable`, or `invalid_event` for what PostgreSQL cannot keep.
   */
  async send<R extends QueryResultRow>(statement: Statement): Promise<readonly R[]> {
    refuseNul(statement.values);
    for (let tries = 1; ; tries++) {
      try {
        return await this.sendOnce<R>(statement);
      } catch (error) {
        if (tries === TRIES || !isWorthRetrying(error)) throw asStoreError(error);
        await sleep(Math.random() * 10 * tries);
      }
    }
  }

  /** As `send`, a single time; rejects with the driver's error. */
  async sendOnce<R extends QueryResultRow>({
    sql,
    values,
    onUnknown,
  }: Statement): Promise<readonly R[]> {
    const client = await this.#checkOut();
    let isLost = false;
    try {
      const { rows } = await client.query<R>(sql, [...values]);
      return rows;
    } catch (error) {
      isLost = isConnectionLoss(error);
      if (isLost) onUnknown?.();
      throw error;
    } finally {
      client.release(isLost);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  /**
   * The server may allow fewer connections than the pool wants. Then those that are there are shared,
   * and more are tried again after a while.
   */
  async #checkOut(): Promise<PoolClient> {
    const deadline = performance.now() + CHECKOUT_TIMEOUT_MS;
    for (;;) {
      try {
        return await this.#pool.connect();
      } catch (error) {
        const { totalCount } = this.#pool;
        if (!isExhausted(error) || totalCount === 0 || performance.now() > deadline) throw error;
        this.#limit(totalCount);
      }
    }
  }

  #limit(count: number): void {
    const { options } = this.#pool;
    options.max = Math.min(options.max, count);
    setTimeout(() => {
      options.max = this.#size;
    }, LIMITED_MS).unref();
  }
}

function ignore(): void {}
