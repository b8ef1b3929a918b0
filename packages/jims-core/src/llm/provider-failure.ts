import { cutText } from '../cut-text.ts';
import { JimsError, isJimsError } from '../errors.ts';
import { UnfitAnswerError } from './unfit-answer.ts';

/** What a provider's error means. */
export interface ProviderFailure {
  /** One line for people; never with what was sent or what came back. */
  readonly message: string;
  /** For spans: the HTTP status, else the error's name. */
  readonly type: string;
  readonly statusCode: number | undefined;
  /** Whether the same request may succeed when it is made again. */
  readonly retryable: boolean;
  /** How long the provider asked to be left alone. */
  readonly retryAfterMs: number | undefined;
}

/** Nothing came in time. */
export class SlowAnswerError extends Error {
  override readonly name = 'SlowAnswerError';
}

/** A provider that is asked without its package answered with an error. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError';
  readonly statusCode: number;
  readonly responseHeaders: Readonly<Record<string, string>>;

  constructor({ status, statusText, headers }: Response) {
    super(statusText);
    this.statusCode = status;
    this.responseHeaders = Object.fromEntries(headers);
  }
}

/** A stream ended before the model had said that it was done. */
export class BrokenStreamError extends Error {
  override readonly name = 'BrokenStreamError';
}

const MAX_MESSAGE = 1000;
const MAX_NAME = 100;
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 409, 429]);
const RETRYABLE_NAMES: ReadonlySet<string> = new Set([
  'SlowAnswerError',
  'BrokenStreamError',
  // 200 with a body that was cut off, is empty, or holds no answer.
  'AI_JSONParseError',
  'SyntaxError',
  'AI_EmptyResponseBodyError',
  'AI_InvalidResponseDataError',
]);
const NETWORK_CODE = /^(?:UND_ERR_|E[A-Z]+$)/;
/** Errors whose message quotes the text that they complain about. */
const QUOTING: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'SyntaxError',
]);

export function readFailure(error: unknown): ProviderFailure {
  if (isUnfit(error)) {
    const { message, name: type, repeatable: retryable } = error;
    return { message, type, retryable, statusCode: undefined, retryAfterMs: 0 };
  }
  const chain = chainOf(error);
  const [top] = chain;
  const statusCode = chain
    .map((each) => numberOf(each, 'statusCode'))
    .find((it) => it !== undefined);
  return {
    message: messageOf(chain, statusCode),
    type:
      statusCode !== undefined && statusCode >= 400
        ? String(statusCode)
        : cutText(top?.name ?? 'Error', MAX_NAME),
    statusCode,
    retryable: isRetryable(chain, statusCode),
    retryAfterMs: retryAfter(chain.map(headersOf).find((headers) => headers !== undefined)),
  };
}

/**
 * What an app gets for a provider's error: `llm_failed`, with a cause that can be logged. The
 * provider's own error holds the request with its prompt, and is left behind.
 */
export function asJimsError(error: unknown, model: string, tries: number): JimsError {
  if (isJimsError(error)) return error;
  if (isUnfit(error)) return error.toJimsError(model);
  const { message, statusCode } = readFailure(error);
  const after = tries > 1 ? ` (${tries} tries)` : '';
  return new JimsError('llm_failed', `${model}: ${message}${after}`, {
    cause: withoutContent(error, message, statusCode),
  });
}

/** Not only `instanceof`: a proxy that was revoked throws when it is asked for its class. */
function isUnfit(error: unknown): error is UnfitAnswerError {
  return Error.isError(error) && error instanceof UnfitAnswerError;
}

function withoutContent(
  error: unknown,
  message: string,
  statusCode: number | undefined,
): Error & { readonly statusCode?: number } {
  const copy = new Error(message);
  copy.name = Error.isError(error) ? error.name : 'Error';
  if (Error.isError(error) && error.stack !== undefined) copy.stack = framesOf(error.stack, copy);
  return statusCode === undefined ? copy : Object.assign(copy, { statusCode });
}

/** A stack begins with the message, which may quote. */
function framesOf(stack: string, { name, message }: Error): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return [`${name}: ${message}`, ...frames].join('\n');
}

function messageOf(chain: readonly Error[], statusCode: number | undefined): string {
  const [top] = chain;
  const message = cutText(top?.message.split('\n', 1)[0] ?? 'unknown error', MAX_MESSAGE);
  if (statusCode !== undefined && statusCode >= 400) return `answered ${statusCode}: ${message}`;
  if (chain.some((each) => QUOTING.has(each.name))) return 'gave an answer that cannot be read';
  return message;
}

function isRetryable(chain: readonly Error[], statusCode: number | undefined): boolean {
  if (statusCode !== undefined && statusCode >= 400) {
    return RETRYABLE_STATUS.has(statusCode) || statusCode >= 500;
  }
  return chain.some(
    (each) =>
      RETRYABLE_NAMES.has(each.name) ||
      NETWORK_CODE.test(textOf(each, 'code')) ||
      ('isRetryable' in each && each.isRetryable === true),
  );
}

/** An error and its causes. */
function chainOf(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let each = error; Error.isError(each) && chain.length < 8; each = each.cause) {
    chain.push(each);
  }
  return chain;
}

/** Seconds, a date, or milliseconds where a provider says so. */
function retryAfter(headers: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const ms = Number(headers?.['retry-after-ms'] ?? Number.NaN);
  if (ms >= 0) return ms;
  const given = headers?.['retry-after'];
  if (typeof given !== 'string' || given.trim() === '') return undefined;
  const seconds = Number(given);
  if (seconds >= 0) return seconds * 1000;
  const date = Date.parse(given);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function headersOf(error: Error): Readonly<Record<string, unknown>> | undefined {
  if (!('responseHeaders' in error)) return undefined;
  const { responseHeaders: headers } = error;
  return typeof headers === 'object' && headers !== null ? { ...headers } : undefined;
}

function numberOf(error: Error, member: string): number | undefined {
  const value: unknown = Reflect.get(error, member);
  return typeof value === 'number' ? value : undefined;
}

function textOf(error: Error, member: string): string {
  const value: unknown = Reflect.get(error, member);
  return typeof value === 'string' ? value : '';
}
