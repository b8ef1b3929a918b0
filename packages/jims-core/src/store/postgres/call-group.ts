import { asStoreError, isConnectionLoss } from './errors.ts';
import { callSql } from './functions.ts';
import type { FunctionCall } from './functions.ts';
import type { Parameter } from './parameters.ts';
import type { ConnectionPool, Statement } from './pool.ts';

/** How many statements are under way at once; calls that come meanwhile share the next one. */
const LANES = 4;
const MAX_CALLS = 16;
/** How long a call waits for a lock: alone long, in a group hardly, as the others wait with it. */
const LOCK_TIMEOUT = '5s';
const GROUP_LOCK_TIMEOUT = '100ms';

interface WaitingCall extends FunctionCall {
  readonly onUnknown: (() => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Shares one statement, and so one transaction and one round trip, among the calls that come while
 * the database is busy: under load that is what makes them cheap. A call that fails does not hurt its
 * neighbours: the statement is rolled back, and each of them gets one of its own.
 */
export class CallGroup {
  readonly #schema: string;
  readonly #pool: ConnectionPool;
  readonly #waiting: WaitingCall[] = [];
  #lanes = 0;

  /** @param schema The schema of the functions. */
  constructor(schema: string, pool: ConnectionPool) {
    this.#schema = schema;
    this.#pool = pool;
  }

  /**
   * Calls a function; resolves with its result.
   *
   * @param onUnknown Called when the connection was lost under way, so that nobody knows whether it was done.
   */
  call(call: FunctionCall, onUnknown?: () => void): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ ...call, onUnknown, resolve, reject });
    if (this.#lanes < LANES) void this.#runLane();
    return promise;
  }

  async #runLane(): Promise<void> {
    this.#lanes++;
    try {
      for (;;) {
        const calls = this.#waiting.splice(0, MAX_CALLS);
        const [first] = calls;
        if (!first) return;
        if (calls.length === 1) await this.#sendAlone(first);
        else await this.#sendTogether(calls);
      }
    } finally {
      this.#lanes--;
    }
  }

  async #sendTogether(calls: readonly WaitingCall[]): Promise<void> {
    try {
      const [row] = await this.#pool.sendOnce(this.#statement(calls, GROUP_LOCK_TIMEOUT));
      for (const [index, { resolve }] of calls.entries()) resolve(row?.[`r${index}`]);
    } catch (error) {
      if (isConnectionLoss(error)) for (const { reject } of calls) reject(asStoreError(error));
      else for (const call of calls) await this.#sendAlone(call);
    }
  }

  async #sendAlone(call: WaitingCall): Promise<void> {
    try {
      const [row] = await this.#pool.send(this.#statement([call], LOCK_TIMEOUT));
      call.resolve(row?.['r0']);
    } catch (error) {
      call.reject(asStoreError(error));
    }
  }

  /**
   * The calls in their order, as the columns `r0`, `r1` … of one row, under settings that end with the
   * transaction. What the functions do is planned once and kept: by index also while a table is almost
   * empty, as the plan would go on reading all of it when it has grown; and never again for the values of
   * one call, which takes longer than to run it.
   */
  #statement(calls: readonly WaitingCall[], lockTimeout: string): Statement {
    const values: Parameter[] = [];
    const columns = [
      `set_config('lock_timeout', '${lockTimeout}', true)`,
      `set_config('enable_seqscan', 'off', true)`,
      `set_config('plan_cache_mode', 'force_generic_plan', true)`,
    ];
    for (const [index, call] of calls.entries()) {
      const { sql, values: own } = callSql(this.#schema, call, values.length + 1);
      columns.push(`${sql} as r${index}`);
      values.push(...own);
    }
    const onUnknown = (): void => calls.forEach((call) => call.onUnknown?.());
    return { sql: `select ${columns.join(', ')}`, values, onUnknown };
  }
}
