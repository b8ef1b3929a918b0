import { cutText } from '../util/cut-text.ts';

const MARK = Symbol.for('jims.error');

/**
 * What went wrong, by a stable name:
 * - `thread_not_found`: no such thread, or it belongs to another contact
 * - `thread_moved`: the thread went on behind the event that the request continues
 * - `thread_busy`: a run is active and the request asked for `onBusy: 'reject'`
 * - `key_reused`: the idempotency key belongs to another request
 * - `queue_full`: the thread's queue has no place left
 * - `overloaded`: this process runs all that it may
 * - `too_many_runs`: the caller has all the runs that one caller may have
 * - `shutting_down`: this process takes no new work
 * - `restarted`: the run was lost and runs again: what was read of it does not count
 * - `deadline`: the run took longer than it may
 * - `lost`: the process that ran it died; nothing of its output was stored
 * - `pipeline_failed`: the pipeline threw; `cause` is what it threw
 * - `run_over`: something was sent after the run had ended
 * - `invalid_event`: an event's type or data is not what a thread can keep
 * - `invalid_state`: a stored state does not fit the schema it was read with
 * - `llm_unusable`: a model's name, key, package or setting is missing or wrong
 * - `llm_input_invalid`: messages or texts that no model takes
 * - `llm_failed`: the provider answered with an error, or not at all; `cause` says which
 * - `llm_answer_invalid`: the model refused, or its answer is empty or does not fit the schema
 * - `store_unavailable`: the database did not answer
 * - `store_invalid`: the connection URL or the database is not usable
 * - `app_invalid`: what was given is not a JIMS app
 */
export type JimsErrorCode =
  | 'thread_not_found'
  | 'thread_moved'
  | 'thread_busy'
  | 'key_reused'
  | 'queue_full'
  | 'overloaded'
  | 'too_many_runs'
  | 'shutting_down'
  | 'restarted'
  | 'deadline'
  | 'lost'
  | 'pipeline_failed'
  | 'run_over'
  | 'invalid_event'
  | 'invalid_state'
  | 'llm_unusable'
  | 'llm_input_invalid'
  | 'llm_failed'
  | 'llm_answer_invalid'
  | 'store_unavailable'
  | 'store_invalid'
  | 'app_invalid';

/** The one error class of jims-core. Recognise it with {@link isJimsError}. */
export class JimsError extends Error {
  override readonly name = 'JimsError';
  readonly code: JimsErrorCode;

  constructor(code: JimsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    // Not a field: a declaration file could not name it.
    Object.defineProperty(this, MARK, { value: true });
  }
}

/** True for a {@link JimsError}, also for one made by another copy of this package. Never throws. */
export function isJimsError(value: unknown): value is JimsError {
  try {
    if (typeof value !== 'object' || value === null || !(MARK in value)) return false;
    return 'code' in value && typeof value.code === 'string';
  } catch {
    // A proxy that was revoked.
    return false;
  }
}

const MAX_CAUSES = 8;
const MAX_NAME = 100;
const MAX_MESSAGE = 4000;
const MAX_FRAMES = 6000;

interface ErrorDescription {
  readonly name?: string;
  /** What the error calls itself for programs: `llm_failed`, `ECONNREFUSED`. */
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

/** What an error tells, of whatever type its members really are. */
interface Told {
  readonly name: unknown;
  readonly message: unknown;
  readonly code?: unknown;
  readonly stack?: unknown;
  readonly cause?: unknown;
}

/** A code is a name: anything else may be data. */
const CODE = /^[\w.-]{1,64}$/;

/**
 * What of an error may be logged: never its other members, which may hold prompts or messages. Long
 * texts are cut, and say so. Never throws, whatever was thrown.
 */
export function describeError(error: unknown): ErrorDescription {
  return describe(error, MAX_CAUSES);
}

/**
 * A copy of an error to be kept or sent elsewhere: as `describeError` tells it, and nothing else of
 * what was thrown, which may be anything and hold as much as it likes.
 */
export function plainError(error: unknown): Error {
  return fromDescription(describeError(error));
}

function describe(error: unknown, causes: number): ErrorDescription {
  try {
    if (!(error instanceof Error)) return { message: cutText(String(error), MAX_MESSAGE) };
    const told: Told = error;
    const { code, stack, cause } = told;
    const name = cutText(String(told.name), MAX_NAME);
    const whole = String(told.message);
    const message = cutText(whole, MAX_MESSAGE);
    const hasCause = cause !== undefined && causes > 0;
    return {
      name,
      ...(typeof code === 'string' && CODE.test(code) && { code }),
      message,
      ...(typeof stack === 'string' && { stack: stackOf(stack, whole, `${name}: ${message}`) }),
      ...(hasCause && { cause: describe(cause, causes - 1) }),
    };
  } catch {
    return { message: 'An error that cannot be read' };
  }
}

/** A stack begins with the message, which is cut by itself: else a long one would leave no frames. */
function stackOf(stack: string, message: string, head: string): string {
  const start = message.length > MAX_MESSAGE ? stack.indexOf(message) : -1;
  if (start < 0) return cutText(stack, MAX_MESSAGE + MAX_FRAMES);
  return head + cutText(stack.slice(start + message.length), MAX_FRAMES);
}

function fromDescription({ name, message, stack, cause }: ErrorDescription): Error {
  const error = new Error(message, cause && { cause: fromDescription(cause) });
  error.name = name ?? 'Error';
  error.stack = stack ?? `${error.name}: ${message}`;
  return error;
}
