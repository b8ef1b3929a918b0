import { cutText } from '../text/clean-text.ts';

const MARK = Symbol.for('jims.error');

/**
 * The stable name of an error:
 * - `thread_not_found`: no such thread, or it belongs to another contact
 * - `thread_moved`: the thread has newer events than the one that the request continues after
 * - `thread_busy`: a run is active and the request asked for `onBusy: 'reject'`
 * - `key_reused`: the idempotency key belongs to another request
 * - `queue_full`: the thread's queue is full
 * - `overloaded`: this process runs as many runs as it may
 * - `too_many_runs`: the caller has as many runs as one caller may have
 * - `shutting_down`: this process takes no new work
 * - `code_broken`: the code of the app could not be loaded; the message says why
 * - `restarted`: the run was lost and runs again: its output so far is void
 * - `deadline`: the run took longer than it may
 * - `lost`: the process of the run died; none of its output was stored
 * - `pipeline_failed`: the pipeline threw; `cause` is what it threw
 * - `run_over`: the pipeline sent something after the run had ended
 * - `invalid_event`: an event's type or data is not what a thread can keep
 * - `invalid_state`: a stored state does not fit the schema it was read with
 * - `pipeline_changed`: the pipeline takes another way than when it ran before; the message says where
 * - `step_nested`: a step, a question or, where a replay would lose it, an event inside the work of a step
 * - `step_result_invalid`: a step gave something that JSON would change
 * - `cannot_ask`: the pipeline may not ask anybody where it is
 * - `chain_too_long`: one execution of a pipeline kept more than it may
 * - `too_many_questions`: too many questions to services are open in the thread
 * - `run_not_retried`: the run did not fail, or for a reason that executing it again does not change
 * - `question_not_found`: no such question, or it is somebody else's
 * - `question_closed`: the question was answered or withdrawn
 * - `question_expired`: the time to answer the question is over
 * - `recovery_off`: this process answers no questions and executes no run once more, as it works on a copy of a database
 * - `answer_invalid`: the answer does not fit the schema of its question
 * - `file_not_found`: no such file, or it belongs to another contact
 * - `file_gone`: the file is known, and its bytes are not there any more
 * - `file_too_large`: the file is larger than a file may be
 * - `file_refused`: the type of the file is not allowed, or not the one that it says
 * - `file_incomplete`: the file broke off while it was sent
 * - `too_many_files`: the contact's files would be more bytes than they may be
 * - `message_not_found`: the thread has no such message by the assistant
 * - `llm_unusable`: a model's name, key, package or setting is missing or wrong
 * - `llm_input_invalid`: messages or texts that no model takes
 * - `llm_failed`: the provider answered with an error, or not at all
 * - `llm_answer_invalid`: the model refused, or its answer is empty or does not fit the schema
 * - `store_unavailable`: the database did not answer, or what keeps the files
 * - `store_invalid`: the connection URL or the database cannot be used
 * - `app_invalid`: the value is not a JIMS app, or the app is used in a wrong way
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
  | 'code_broken'
  | 'restarted'
  | 'deadline'
  | 'lost'
  | 'pipeline_failed'
  | 'run_over'
  | 'invalid_event'
  | 'invalid_state'
  | 'pipeline_changed'
  | 'step_nested'
  | 'step_result_invalid'
  | 'cannot_ask'
  | 'chain_too_long'
  | 'too_many_questions'
  | 'run_not_retried'
  | 'question_not_found'
  | 'question_closed'
  | 'question_expired'
  | 'recovery_off'
  | 'answer_invalid'
  | 'file_not_found'
  | 'file_gone'
  | 'file_too_large'
  | 'file_refused'
  | 'file_incomplete'
  | 'too_many_files'
  | 'message_not_found'
  | 'llm_unusable'
  | 'llm_input_invalid'
  | 'llm_failed'
  | 'llm_answer_invalid'
  | 'store_unavailable'
  | 'store_invalid'
  | 'app_invalid';

/**
 * The one error class of jims-core. Recognise it with {@link isJimsError}.
 *
 * @example throw new JimsError('invalid_event', 'A vote needs a value of 1 to 5');
 */
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

/**
 * True for a {@link JimsError}, also for one of another copy of this package. Never throws.
 *
 * @example
 * try {
 *   await ctx.sendMessage(ctx.llm.stream(ctx.history));
 * } catch (error) {
 *   if (!isJimsError(error) || error.code !== 'llm_failed') throw error;
 *   await ctx.sendMessage('The model does not answer. Please try again later.');
 * }
 */
export function isJimsError(value: unknown): value is JimsError {
  try {
    if (typeof value !== 'object' || value === null || !(MARK in value)) return false;
    return 'code' in value && typeof value.code === 'string';
  } catch {
    // A revoked proxy.
    return false;
  }
}

const OF_FILES = Symbol.for('jims.error.files');

/** The error of what keeps the files, which is not always the database: `store_unavailable`. */
export function filesUnavailable(message: string, cause?: unknown): JimsError {
  const options = cause === undefined ? undefined : { cause };
  const error = new JimsError('store_unavailable', message, options);
  return Object.defineProperty(error, OF_FILES, { value: true });
}

/** Whether a `store_unavailable` is about what keeps the files, and not about the database. */
export function isOfFiles(error: JimsError): boolean {
  return OF_FILES in error;
}

/** Whether the store did not answer: later the same may work. */
export function isUnavailable(error: unknown): boolean {
  return isJimsError(error) && error.code === 'store_unavailable';
}

const MAX_CAUSES = 8;
const MAX_NAME = 100;
const MAX_MESSAGE = 4000;
const MAX_FRAMES = 6000;
const MAX_LISTED = 20;

/** What `describeError` gives. */
export interface ErrorDescription {
  readonly name?: string;
  /** The name of the error for programs, such as `llm_failed` or `ECONNREFUSED`. */
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

/** An error whose members may have any type. */
interface UnknownError {
  readonly name: unknown;
  readonly message: unknown;
  readonly code?: unknown;
  readonly stack?: unknown;
  readonly cause?: unknown;
}

/** A code in another form may be data. */
const CODE = /^[\w.-]{1,64}$/;

/**
 * The parts of an error that may be logged. Other members are left out, as they may hold prompts or
 * messages. Long text is cut, and says so. Never throws, whatever `error` is.
 *
 * @example logger.error({ error: describeError(error) }, 'the run failed');
 */
export function describeError(error: unknown): ErrorDescription {
  return describe(error, MAX_CAUSES);
}

/**
 * A copy of an error that is safe to keep and to pass on: it has what `describeError` gives, and
 * nothing else of what was thrown.
 *
 * @example const error = plainError(thrown);
 */
export function plainError(error: unknown): Error {
  return fromDescription(describeError(error));
}

function describe(error: unknown, causes: number): ErrorDescription {
  try {
    if (!(error instanceof Error)) return { message: cutText(textOf(error), MAX_MESSAGE) };
    const members: UnknownError = error;
    const { code, stack, cause } = members;
    const name = cutText(String(members.name), MAX_NAME);
    const whole = String(members.message);
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

/** What was thrown and is not an error: the issues of a schema are a list of messages. */
function textOf(thrown: unknown): string {
  if (Array.isArray(thrown)) return thrown.slice(0, MAX_LISTED).map(textOf).join('; ');
  const { message }: { readonly message?: unknown } = Object(thrown);
  return typeof message === 'string' ? message : String(thrown);
}

/** What `jims-api dev` puts after the name of a file, to load it again. */
const VERSION = /\?jims=\d+(?=:\d+:\d+)/g;

/** A stack begins with the message. It is cut separately, so that a long one leaves room for frames. */
function stackOf(stack: string, message: string, head: string): string {
  const start = message.length > MAX_MESSAGE ? stack.indexOf(message) : -1;
  const text =
    start < 0
      ? cutText(stack, MAX_MESSAGE + MAX_FRAMES)
      : head + cutText(stack.slice(start + message.length), MAX_FRAMES);
  return text.replaceAll(VERSION, '');
}

function fromDescription({ name, message, stack, cause }: ErrorDescription): Error {
  const error = new Error(message, cause && { cause: fromDescription(cause) });
  error.name = name ?? 'Error';
  error.stack = stack ?? `${error.name}: ${message}`;
  return error;
}
