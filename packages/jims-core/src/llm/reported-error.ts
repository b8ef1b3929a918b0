import { cutText } from '../util/cut-text.ts';
import { membersOf, objectOf } from './foreign-json.ts';
import type { Members } from './foreign-json.ts';

/** What a provider says went wrong, in whatever form it says it. */
export interface ReportedError {
  /** The provider's own words. */
  readonly message: string;
  /** Its code or kind of error, where it gives one. */
  readonly code: string | undefined;
  /** Its code, when that is an HTTP status. */
  readonly statusCode: number | undefined;
  /** False when the same request fails again: a wrong key, a used up quota, a request it refuses. */
  readonly mayPass: boolean;
  /** A quota or a balance is used up: also a 429 does not pass then. */
  readonly usedUp: boolean;
}

/** A provider reported an error where an answer was expected: in a 200, or in the middle of a stream. */
export class ProviderReportError extends Error {
  override readonly name = 'ProviderReportError';
  readonly report: ReportedError;

  constructor(report: ReportedError) {
    const { message, code } = report;
    super(`reported an error: ${message}${code === undefined ? '' : ` (${code})`}`);
    this.report = report;
  }
}

const MAX_RAW = 300;
const MAX_WORDS = 1000;
/** By what these stand for no later try can succeed. */
const PERMANENT =
  /quota|billing|credit|balance|payment|invalid|auth|permission|forbidden|not.?found|unsupported|precondition|context.?length|too.?large|policy|safety|content.?filter|bad.?request|unprocessable/i;
const USED_UP = /quota|billing|credit|balance|payment/i;
/** Where words about an error stand, the clearest first. */
const WORDS = [
  'message',
  'msg',
  'error_msg',
  'error_message',
  'errorMessage',
  'error_description',
  'faultstring',
  'detail',
  'error',
  'errors',
  'fault',
  'Message',
  'title',
  'reason',
];
/** Those that no answer has, whatever else is in it. */
const BARE_WORDS = ['message', 'msg', 'error_msg', 'error_message', 'errorMessage', 'detail'];
/** Members that an answer has, and a report of an error has not. */
const ANSWER = ['choices', 'candidates', 'content', 'data', 'embeddings', 'embedding', 'results'];

/** The error in a body that came with a failed status. */
export function errorInFailure(body: unknown): ReportedError | undefined {
  const object = objectOf(Array.isArray(body) ? body[0] : body);
  if (!object) return undefined;
  return errorInAnswer(object) ?? reported(object);
}

/** The error in a body or a stream's chunk that came with a good status; `undefined` for an answer. */
export function errorInAnswer(body: unknown): ReportedError | undefined {
  const object = objectOf(Array.isArray(body) ? body[0] : body);
  if (!object) return undefined;
  const { error } = object;
  // Beside a mere name of an error its words may stand.
  if (saysSomething(error)) return reported(typeof error === 'string' ? object : error);
  const beside = errorInChoice(object) ?? errorOfMiniMax(object);
  if (saysSomething(beside)) return reported(beside);
  const isAnswer = ANSWER.some((member) => isThere(object[member]));
  return isAnswer || !isBareReport(object) ? undefined : reported(object);
}

/** OpenRouter puts what the provider upstream reports beside half the answer, and others into it. */
function errorInChoice({ choices }: Members): unknown {
  const choice = Array.isArray(choices) ? objectOf(choices[0]) : undefined;
  return [choice, choice?.['delta'], choice?.['message']]
    .map((each) => objectOf(each)?.['error'])
    .find(saysSomething);
}

function errorOfMiniMax({ base_resp: response }: Members): Members | undefined {
  const { status_code: code, status_msg: message } = membersOf(response);
  return typeof code === 'number' && code !== 0 ? { code, message } : undefined;
}

function isBareReport(object: Members): boolean {
  const { object: kind, detail, errors, fault } = object;
  if (kind === 'error' || Array.isArray(detail) || Array.isArray(errors)) return true;
  if (saysSomething(fault)) return true;
  return BARE_WORDS.some((member) => typeof object[member] === 'string' && object[member] !== '');
}

function isThere(value: unknown): boolean {
  return typeof value === 'object' && value !== null
    ? Object.keys(value).length > 0
    : Boolean(value);
}

/** Some servers write an empty error beside every answer: `{ code: 0, message: '' }`. */
function saysSomething(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(saysSomething);
  return Boolean(value);
}

function reported(error: unknown): ReportedError {
  const object = membersOf(error);
  const kinds = [object['code'], object['type'], object['status'], object['error_code']].filter(
    (kind) => (typeof kind === 'string' && kind !== '') || typeof kind === 'number',
  );
  const statusCode = kinds.map(Number).find((kind) => kind >= 400 && kind < 600);
  // One line: further ones may quote what was sent.
  const [words = ''] = (wordsOf(error) ?? kinds.join(', ')).split('\n', 1);
  return {
    message: words === '' ? 'it did not say which' : cutText(words, MAX_WORDS),
    code: kinds.map(String).find((kind) => kind !== 'error'),
    statusCode,
    mayPass: !PERMANENT.test(kinds.join(' ')),
    usedUp: USED_UP.test(kinds.join(' ')),
  };
}

/** The words in the forms that OpenAI, Google, FastAPI, Ollama, Cohere and gateways write errors in. */
function wordsOf(error: unknown, depth = 0): string | undefined {
  if (typeof error === 'string') return error.trim() || undefined;
  if (depth > 3) return undefined;
  if (Array.isArray(error)) {
    const all = error.map((each) => wordsOf(each, depth + 1)).filter((each) => each !== undefined);
    return all.join('; ') || undefined;
  }
  const object = objectOf(error);
  if (!object) return undefined;
  const words = WORDS.map((member) => wordsOf(object[member], depth + 1)).find(
    (each) => each !== undefined,
  );
  return words && located(words, object);
}

/** FastAPI says where an input is wrong, OpenRouter what the provider upstream said. */
function located(words: string, { loc, metadata }: Members): string {
  const raw = membersOf(metadata)['raw'];
  if (Array.isArray(loc)) return `${loc.join('.')}: ${words}`;
  return typeof raw === 'string' && raw !== '' ? `${words}: ${cutText(raw, MAX_RAW)}` : words;
}
