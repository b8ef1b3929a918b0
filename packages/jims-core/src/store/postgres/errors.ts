import { DatabaseError } from 'pg';

import { JimsError, isJimsError } from '../../errors/jims-error.ts';
import { REMEDY } from './requirements.ts';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const UNIQUE_VIOLATION = '23505';
/** No such column, table or function, or one of another type. */
const OTHER_TABLES = /^42(?:703|P01|883|804)$/;

/** The connection is gone, or leads to a server that only reads, as after a failover. */
const LOST_CONNECTION = /^(?:08|57P|25006)/;
/** Too many connections, no memory, no disk. */
const EXHAUSTED = /^53/;
/** PgBouncer reports a wrong URL in the state of a lost connection, with these messages. */
const POOLER_REFUSAL =
  /unsupported startup parameter|no such (?:user|database)|does not exist|authentication failed/;
/** States whose messages name objects and limits and quote no data: rights, space, a server that only reads. */
const SAFE_TO_SHOW = /^(?:25|28|42501|53|55|57|58)/;
/** The driver's own errors have no codes. */
const DRIVER_LOST_CONNECTION = /timeout|terminated|not queryable|Cannot use a pool/i;

/** The error of a statement as the store reports it: without SQL and without data. */
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
  const reason = SAFE_TO_SHOW.test(state) && error instanceof Error ? `: ${error.message}` : '';
  return new JimsError('store_unavailable', `PostgreSQL refused a statement (${state})${reason}`, {
    cause: error,
  });
}

/** Why a database cannot be opened, for the operator who wrote its URL. */
export function asOpenError(error: unknown, where: string): JimsError {
  if (isJimsError(error)) return error;
  const reason = reasonOf(error);
  const state = sqlState(error);
  const refused = (): JimsError =>
    new JimsError('store_invalid', `Cannot use ${where}: ${reason}`, { cause: error });
  if (POOLER_REFUSAL.test(reason)) return refused();
  if (isExhausted(error) || (state !== undefined && LOST_CONNECTION.test(state))) {
    return new JimsError('store_unavailable', `${where} takes no connection now: ${reason}`, {
      cause: error,
    });
  }
  if (!isConnectionLoss(error)) return refused();
  return new JimsError('store_unavailable', `${where} does not answer: ${reason}`, {
    cause: error,
  });
}

/** The message of the server or the driver, and what an operator can do about it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  if (/client password must be|empty password returned/.test(message)) {
    return 'the server wants a password, and none is given. Put it into the URL, into PGPASSWORD or into a password file';
  }
  if (/unsupported startup parameter/.test(message)) {
    return `${message}. A pooler such as PgBouncer takes no settings with a connection: take them out of the URL, and set them for the role by ALTER ROLE … SET`;
  }
  if (/does not support SSL/.test(message)) {
    return `${message}. Turn it on there, or use sslmode=disable in a network that you trust`;
  }
  const code = 'code' in error ? String(error.code) : '';
  if (/ALTNAME/.test(code)) {
    return `${message}. Use the name that is in the certificate, or sslmode=verify-ca with sslrootcert=FILE`;
  }
  if (/CERT|SIGNATURE/.test(code)) {
    // After the semicolon Node writes about its own flags.
    const [fault] = message.split(';');
    return `${fault}. Name the certificate of the server's authority by sslrootcert=FILE, or encrypt without a check by sslmode=require`;
  }
  if (OTHER_TABLES.test(code)) {
    return `${message}. Its tables are not those of JIMS, or incomplete: ${REMEDY}`;
  }
  return message || nameOf(error);
}

/** True when another try may help: two transactions were in each other's way. */
export function isWorthRetrying(error: unknown): boolean {
  const state = sqlState(error);
  return state === SERIALIZATION_FAILURE || state === DEADLOCK;
}

/** True when the server takes no more connections, or has no more memory or space. */
export function isExhausted(error: unknown): boolean {
  return EXHAUSTED.test(sqlState(error) ?? '');
}

/**
 * True when the connection cannot be used any more. A statement that was under way may have been committed
 * or not.
 */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return LOST_CONNECTION.test(state);
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss);
  // An error of a socket or of the resolver names the call that failed; one about TLS or the URL does not.
  return (
    error instanceof Error && ('syscall' in error || DRIVER_LOST_CONNECTION.test(error.message))
  );
}

function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** For an error without a message, as a connection that both IPv4 and IPv6 refused has. */
function nameOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}
