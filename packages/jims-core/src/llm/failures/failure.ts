import { JimsError, isJimsError } from '../../errors/jims-error.ts';
import { cutText } from '../../text/clean-text.ts';
import { objectOf, parsedJson } from '../foreign-json.ts';
import { ProviderReportError, UnexpectedAnswerError, UnfitAnswerError } from './errors.ts';
import { errorInAnswer, errorInFailure } from './reported-error.ts';
import type { ReportedError } from './reported-error.ts';

/** What is known of a failed try. */
export interface ProviderFailure {
  /** One line for people. It never quotes the request or the answer. */
  readonly message: string;
  /** For spans: the HTTP status, else the error's name. */
  readonly type: string;
  readonly statusCode: number | undefined;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** The wait that the provider asks for. */
  readonly retryAfterMs: number | undefined;
}

const MAX_MESSAGE = 1000;
const MAX_NAME = 100;
/** A longer body is not a line of text for people. */
const MAX_PLAIN_BODY = 300;
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 409, 429]);
const RETRYABLE_NAMES: ReadonlySet<string> = new Set([
  'SlowAnswerError',
  'BrokenAnswerError',
  'ConnectionError',
  // A 200 with a body that was cut off, is empty, or has no answer in it.
  'AI_JSONParseError',
  'SyntaxError',
  'AI_EmptyResponseBodyError',
  'AI_InvalidResponseDataError',
]);
const NETWORK_CODE = /^(?:UND_ERR_|E[A-Z]+$)/;
/** Errors whose message quotes the answer. */
const QUOTING: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'SyntaxError',
]);
/** A package's errors for messages, files or options that it cannot send. */
const INPUT_NAMES: ReadonlySet<string> = new Set([
  'AI_UnsupportedFunctionalityError',
  'AI_InvalidPromptError',
  'AI_InvalidArgumentError',
  'AI_NoSuchProviderReferenceError',
]);

/** Reads what went wrong from whatever a provider's package threw. Never throws. */
export function readFailure(error: unknown): ProviderFailure {
  if (isUnfit(error)) {
    const { message, name: type, repeatable: retryable } = error;
    return { message, type, retryable, statusCode: undefined, retryAfterMs: 0 };
  }
  const chain = chainOf(error);
  const [top] = chain;
  const failedWith = chain.map(failedStatusOf).find((each) => each !== undefined);
  const reported = chain
    .map((each) => reportIn(each, failedWith))
    .find((each) => each !== undefined);
  const statusCode = failedWith ?? reported?.statusCode;
  return {
    message: messageOf(chain, failedWith, reported),
    type: statusCode === undefined ? cutText(top?.name ?? 'Error', MAX_NAME) : String(statusCode),
    statusCode,
    retryable: isRetryable(chain, statusCode, reported),
    retryAfterMs: retryAfter(headersIn(chain)),
  };
}

/**
 * The error that an app gets for a provider's error: `llm_failed`, with a cause that can be logged. The
 * provider's own error is dropped, as it holds the prompt.
 *
 * @param redact Hides keys, which some providers quote.
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

/** `isError` first: `instanceof` throws for a revoked proxy. */
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

/** A stack begins with the message, which may quote the prompt. */
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
    return `answered ${failedWith}: ${words}${redirectionIn(chain, failedWith)}`;
  }
  if (reported) return new ProviderReportError(reported).message;
  const [top] = chain;
  if (top && INPUT_NAMES.has(top.name)) return lineOf(top);
  if (chain.some((each) => QUOTING.has(each.name))) {
    return unexpectedIn(chain)?.message ?? 'sent an answer that cannot be read';
  }
  // For a broken connection the cause says more than the package's own words.
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
  if (unexpectedIn(chain)) return false;
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

/** What the provider reports in an error's body, or in data that is not an answer. */
function reportIn(error: Error, failedWith: number | undefined): ReportedError | undefined {
  if (error instanceof ProviderReportError) return error.report;
  const read = failedWith === undefined ? errorInAnswer : errorInFailure;
  const data: unknown = 'data' in error ? error.data : undefined;
  return read(parsedJson(textOf(error, 'responseBody'))) ?? read(data);
}

/** Proxies and gateways answer with a line of text. */
function plainBodyIn(chain: readonly Error[]): string | undefined {
  const body = bodyIn(chain);
  const isPlain = body !== '' && body.length <= MAX_PLAIN_BODY && !/^[<{[]/.test(body);
  return isPlain ? lineOf(new Error(body)) : undefined;
}

/** An HTML page, or a stream, instead of JSON. */
function unexpectedIn(chain: readonly Error[]): UnexpectedAnswerError | undefined {
  if (!/^(?:<|data:|event:)/.test(bodyIn(chain))) return undefined;
  const type = headersIn(chain)?.['content-type'];
  return new UnexpectedAnswerError(typeof type === 'string' ? type : undefined, 'JSON');
}

function bodyIn(chain: readonly Error[]): string {
  return chain.map((each) => textOf(each, 'responseBody').trim()).find((body) => body) ?? '';
}

/** The target of a redirection that was not followed, without its query, which may hold a key. */
function redirectionIn(chain: readonly Error[], status: number): string {
  const location = headersIn(chain)?.['location'];
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

/** `Retry-After` holds seconds or a date; `retry-after-ms` goes before it. */
function retryAfter(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.['retry-after-ms'] ?? Number.NaN);
  if (ms >= 0) return ms;
  const value = headers?.['retry-after'];
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (seconds >= 0) return seconds * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

type Headers = Readonly<Record<string, unknown>>;

function headersIn(chain: readonly Error[]): Headers | undefined {
  const headers = chain.map((each): unknown => Reflect.get(each, 'responseHeaders'));
  return headers.map(objectOf).find((each) => each !== undefined);
}

function numberOf(error: Error, member: string): number | undefined {
  const value: unknown = Reflect.get(error, member);
  return typeof value === 'number' ? value : undefined;
}

function textOf(error: Error, member: string): string {
  const value: unknown = Reflect.get(error, member);
  return typeof value === 'string' ? value : '';
}
