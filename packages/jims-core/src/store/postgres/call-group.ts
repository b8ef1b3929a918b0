import type { Parameter } from './parameters.ts';
import { asStoreError, isConnectionLoss } from './pg-errors.ts';
import { quoted } from './schemas.ts';

/** A function of our own schema, to be called. */
export interface Call {
  readonly name: string;
  /** In the order of the function's: names are for the reader, as the database would look them up each time. */
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** Called when the connection was lost under way, so that nobody knows whether it was done. */
  readonly onUnknown: () => void;
}

export interface CallGroupOptions {
  /** The schema of the functions. */
  readonly schema: string;
  /** Sends one statement, once; resolves with its row. */
  readonly send: (
    sql: string,
    parameters: readonly Parameter[],
    onUnknown: () => void,
  ) => Promise<Readonly<Record<string, unknown>>>;
  /** The same for a call alone, tried again when it and another one were in each other's way. */
  readonly sendAlone: CallGroupOptions['send'];
}

/** How many statements are under way at once; what comes meanwhile shares the next one. */
const LANES = 4;
const MAX_CALLS = 16;
/** How long a call waits for a lock: alone long, in a group hardly, as the others wait with it. */
const LOCK_TIMEOUT = '5s';
const GROUP_LOCK_TIMEOUT = '100ms';

/**
 * Shares one statement, and so one transaction and one round trip, among the calls that come while
 * the database is busy: under load that is what makes them cheap. A call that fails does not hurt its
 * neighbours: the statement is rolled back, and each of them gets one of its own.
 */
export function createCallGroup({
  schema,
  send,
  sendAlone,
}: CallGroupOptions): (call: Call) => Promise<unknown> {
  const waiting: Waiting[] = [];
  let busy = 0;

  async function lane(): Promise<void> {
    busy++;
    try {
      for (;;) {
        const calls = waiting.splice(0, MAX_CALLS);
        const [first] = calls;
        if (!first) return;
        if (calls.length === 1) await alone(first);
        else await together(calls);
      }
    } finally {
      busy--;
    }
  }

  async function together(calls: readonly Waiting[]): Promise<void> {
    const { sql, values } = statement(schema, calls, GROUP_LOCK_TIMEOUT);
    const onUnknown = (): void => calls.forEach((call) => call.onUnknown());
    try {
      const row = await send(sql, values, onUnknown);
      for (const [index, { resolve }] of calls.entries()) resolve(row[`r${index}`]);
    } catch (error) {
      if (isConnectionLoss(error)) for (const { reject } of calls) reject(asStoreError(error));
      else for (const call of calls) await alone(call);
    }
  }

  async function alone(call: Waiting): Promise<void> {
    const { sql, values } = statement(schema, [call], LOCK_TIMEOUT);
    try {
      const row = await sendAlone(sql, values, call.onUnknown);
      call.resolve(row['r0']);
    } catch (error) {
      call.reject(asStoreError(error));
    }
  }

  return (call) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.push({ ...call, resolve, reject });
    if (busy < LANES) void lane();
    return promise;
  };
}

interface Waiting extends Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The calls in their order, under settings that end with the transaction. What the functions do is
 * planned once and kept: by index also while a table is almost empty, as the plan would go on reading
 * all of it when it has grown; and never anew for the values of one call, which takes longer than to
 * run it.
 */
function statement(
  schema: string,
  calls: readonly Call[],
  lockTimeout: string,
): { readonly sql: string; readonly values: readonly Parameter[] } {
  const { sql, values } = callStatement(schema, calls);
  const settings = [
    `set_config('lock_timeout', '${lockTimeout}', true)`,
    `set_config('enable_seqscan', 'off', true)`,
    `set_config('plan_cache_mode', 'force_generic_plan', true)`,
  ];
  return { sql: `select ${settings.join(', ')}, ${sql}`, values };
}

/** Calls as the columns `r0`, `r1` … of one row. */
export function callStatement(
  schema: string,
  calls: readonly Pick<Call, 'name' | 'parameters'>[],
): { readonly sql: string; readonly values: readonly Parameter[] } {
  const values: Parameter[] = [];
  const columns = calls.map(({ name, parameters }, index) => {
    const numbers = Object.values(parameters).map((value) => `$${values.push(value)}`);
    return `${quoted(schema)}.${name}(${numbers.join(', ')}) as r${index}`;
  });
  return { sql: columns.join(', '), values };
}
