import { JimsError, isJimsError } from '../errors/jims-error.ts';
import { cutText } from '../util/cut-text.ts';
import { parsedJson } from './foreign-json.ts';
import { ProviderReportError, errorInAnswer, errorInFailure } from './reported-error.ts';
import type { ReportedError } from './reported-error.ts';
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

/** A provider that is called without its package answered with an error. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError';
  readonly statusCode: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly responseBody: string;

  constructor({ status, statusText, headers }: Response, body: string) {
    super(statusText);
    this.statusCode = status;
    this.responseHeaders = Object.fromEntries(headers);
    this.responseBody = body;
  }
}

/** Something else came than an answer: a page, mostly, as the base URL leads to another server. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError';

  constructor(contentType: string | undefined, wanted: string) {
    const type = contentType?.split(';', 1)[0]?.trim() || 'something';
    super(`answered ${type} instead of ${wanted}: is the base URL right?`);
  }
}

/** Answers came that do not belong to what was sent, such as vectors for other texts. */
export class WrongAnswerError extends Error {
  override readonly name = 'WrongAnswerError';
}

/** An answer ended before the model was done with it. */
export class BrokenAnswerError extends Error {
  override readonly name = 'BrokenAnswerError';
}

const MAX_MESSAGE = 1000;
const MAX_NAME = 100;
/** A longer body is not a line of words. */
const MAX_PLAIN_BODY = 300;
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 409, 429]);
const RETRYABLE_NAMES: ReadonlySet<string> = new Set([
  'SlowAnswerError',
  'BrokenAnswerError',
  'ConnectionError',
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
/** What a provider's package says about messages, files or options that it cannot send. */
const INPUT_NAMES: ReadonlySet<string> = new Set([
  'AI_UnsupportedFunctionalityError',
  'AI_InvalidPromptError',
  'AI_InvalidArgumentError',
  'AI_NoSuchProviderReferenceError',
]);

export function readFailure(error: unknown): ProviderFailure {
  if (isUnfit(error)) {
    const { message, name: type, repeatable: retryable } = error;
    return { message, type, retryable, statusCode: undefined, retryAfterMs: 0 };
  }
  const chain = chainOf(error);
  const [top] = chain;
  const failedWith = chain.map(failedStatusOf).find((it) => it !== undefined);
  const reported = chain.map((each) => reportIn(each, failedWith)).find((it) => it !== undefined);
  const statusCode = failedWith ?? reported?.statusCode;
  return {
    message: messageOf(chain, failedWith, reported),
    type: statusCode === undefined ? cutText(top?.name ?? 'Error', MAX_NAME) : String(statusCode),
    statusCode,
    retryable: isRetryable(chain, statusCode, reported),
    retryAfterMs: retryAfter(chain.map(headersOf).find((headers) => headers !== undefined)),
  };
}

/**
 * What an app gets for a provider's error: `llm_failed`, with a cause that can be logged. The
 * provider's own error holds the request with its prompt, and is left behind.
 *
 * @param redact Hides keys: some providers quote them.
 */
export function asJimsError(
  error: unknown,
  { model, tries, redact }: { model: string; tries: number; redact: (text: string) => string },
): JimsError {
  if (isJimsError(error)) return error;
  if (isUnfit(error)) return error.toJimsError(model);
  const failure = readFailure(error);
  const message = redact(failure.message);
  const after = tries > 1 ? ` (${tries} tries)` : '';
  const isInput = Error.isError(error) && INPUT_NAMES.has(error.name);
  return new JimsError(
    isInput ? 'llm_input_invalid' : 'llm_failed',
    `${model}: ${message}${after}`,
    { cause: withoutContent(error, message, failure.statusCode) },
  );
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

function messageOf(
  chain: readonly Error[],
  failedWith: number | undefined,
  reported: ReportedError | undefined,
): string {
  if (failedWith !== undefined) {
    const words = reported?.message ?? plainBodyIn(chain) ?? lineOf(chain[0]);
    return `answered ${failedWith}: ${words}${pointerIn(chain, failedWith)}`;
  }
  if (reported) return new ProviderReportError(reported).message;
  if (chain.some((each) => QUOTING.has(each.name))) {
    return otherIn(chain)?.message ?? 'gave an answer that cannot be read';
  }
  // The package's own words for a connection that broke say less than its cause.
  const plain = chain.find((each) => !each.message.startsWith('Failed to process '));
  return lineOf(plain ?? chain[0]);
}

function lineOf(error: Error | undefined): string {
  return cutText(error?.message.split('\n', 1)[0] ?? 'unknown error', MAX_MESSAGE);
}

function isRetryable(
  chain: readonly Error[],
  statusCode: number | undefined,
  reported: ReportedError | undefined,
): boolean {
  if (statusCode !== undefined) {
    return (RETRYABLE_STATUS.has(statusCode) && !reported?.usedUp) || statusCode >= 500;
  }
  if (reported) return reported.mayPass;
  if (otherIn(chain)) return false;
  return chain.some(
    (each) =>
      RETRYABLE_NAMES.has(each.name) ||
      NETWORK_CODE.test(textOf(each, 'code')) ||
      ('isRetryable' in each && each.isRetryable === true),
  );
}

function failedStatusOf(error: Error): number | undefined {
  const statusCode = numberOf(error, 'statusCode');
  return statusCode !== undefined && statusCode >= 300 ? statusCode : undefined;
}

/** What the provider says in an error's body, or in the data that could not be read as an answer. */
function reportIn(error: Error, failedWith: number | undefined): ReportedError | undefined {
  if (error instanceof ProviderReportError) return error.report;
  const read = failedWith === undefined ? errorInAnswer : errorInFailure;
  const data: unknown = 'data' in error ? error.data : undefined;
  return read(parsedJson(textOf(error, 'responseBody'))) ?? read(data);
}

/** Proxies and gateways answer with a line of words. */
function plainBodyIn(chain: readonly Error[]): string | undefined {
  const body = bodyIn(chain);
  const isPlain = body !== '' && body.length <= MAX_PLAIN_BODY && !/^[<{[]/.test(body);
  return isPlain ? lineOf(new Error(body)) : undefined;
}

/** A page, or a stream, where JSON was to come. */
function otherIn(chain: readonly Error[]): UnexpectedAnswerError | undefined {
  if (!/^(?:<|data:|event:)/.test(bodyIn(chain))) return undefined;
  const type = chain.map(headersOf).find((headers) => headers !== undefined)?.['content-type'];
  return new UnexpectedAnswerError(typeof type === 'string' ? type : undefined, 'JSON');
}

function bodyIn(chain: readonly Error[]): string {
  return chain.map((each) => textOf(each, 'responseBody').trim()).find((body) => body) ?? '';
}

/** Where a redirection that was not followed points to; without its query, which may hold a key. */
function pointerIn(chain: readonly Error[], status: number): string {
  const location = chain.map(headersOf).find((headers) => headers !== undefined)?.['location'];
  const to = status < 400 && typeof location === 'string' ? URL.parse(location) : null;
  return to ? `; it points to ${to.origin}${to.pathname}: is the base URL right?` : '';
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
