import { DatabaseError } from 'pg';

import { JimsError, isJimsError } from '../../errors.ts';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const UNIQUE_VIOLATION = '23505';

/** The connection is gone, or leads to a server that only reads, as after a failover. */
const LOST_CONNECTION = /^(?:08|57P|25006)/;
/** Too many connections, no memory, no disk. */
const EXHAUSTED = /^53/;
/** The driver's own errors have no codes. */
const DRIVER_LOST_CONNECTION = /timeout|terminated|not queryable|Cannot use a pool/i;

/** What a statement was refused with, as the store tells it: without SQL, without data. */
export function asStoreError(error: unknown): JimsError {
  if (isJimsError(error)) return error;
  const state = sqlState(error);
  if (state === undefined) {
    return new JimsError('store_unavailable', 'PostgreSQL does not answer', { cause: error });
  }
  if (state === UNIQUE_VIOLATION) {
    return new JimsError('invalid_event', 'There is an event or a run of this id already', {
      cause: error,
    });
  }
  if (state.startsWith('22')) {
    return new JimsError('invalid_event', 'PostgreSQL cannot keep this text or id', {
      cause: error,
    });
  }
  return new JimsError('store_unavailable', `PostgreSQL refused a statement (${state})`, {
    cause: error,
  });
}

/** Why a database cannot be opened, for whoever wrote its URL. */
export function asOpenError(error: unknown, where: string): JimsError {
  if (isJimsError(error)) return error;
  const reason = error instanceof Error ? error.message || nameOf(error) : String(error);
  return isConnectionLoss(error) || EXHAUSTED.test(sqlState(error) ?? '')
    ? new JimsError('store_unavailable', `${where} does not answer: ${reason}`, { cause: error })
    : new JimsError('store_invalid', `Cannot use ${where}: ${reason}`, { cause: error });
}

/** True when trying the same again may help: two transactions were in each other's way. */
export function isWorthRetrying(error: unknown): boolean {
  const state = sqlState(error);
  return state === SERIALIZATION_FAILURE || state === DEADLOCK;
}

/**
 * True when the connection is of no use any more. A statement that was under way then may have been
 * committed or not.
 */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return LOST_CONNECTION.test(state);
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss);
  // An error of a socket or of the resolver says what was called; one about TLS or the URL does not.
  return (
    error instanceof Error && ('syscall' in error || DRIVER_LOST_CONNECTION.test(error.message))
  );
}

function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** A refused connection over IPv4 and IPv6 has no message of its own. */
function nameOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}
