import { cutText } from '../../text/clean-text.ts';
import { membersOf, objectOf } from '../foreign-json.ts';
import type { Members } from '../foreign-json.ts';

/** An error as a provider reports it, read from any of the forms that providers use. */
export interface ReportedError {
  /** The provider's own words. */
  readonly message: string;
  /** Its code or kind of error, where it gives one. */
  readonly code: string | undefined;
  /** Its code, when that is an HTTP status. */
  readonly statusCode: number | undefined;
  /** False when the same request would fail again: for a wrong key, a used up quota, a wrong request. */
  readonly mayPass: boolean;
  /** A quota or a balance is used up: then even a 429 does not pass. */
  readonly usedUp: boolean;
}

const MAX_RAW = 300;
const MAX_WORDS = 1000;
/** Codes with one of these words: no later try can succeed. */
const PERMANENT =
  /quota|billing|credit|balance|payment|invalid|auth|permission|forbidden|not.?found|unsupported|precondition|context.?length|too.?large|policy|safety|content.?filter|bad.?request|unprocessable/i;
const USED_UP = /quota|billing|credit|balance|payment/i;
/** Members with the words of an error, the clearest first. */
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
/** Of these, the ones that no answer has. */
const BARE_WORDS = ['message', 'msg', 'error_msg', 'error_message', 'errorMessage', 'detail'];
/** Members that only an answer has. */
const ANSWER = ['choices', 'candidates', 'content', 'data', 'embeddings', 'embedding', 'results'];

/** The error in the body of a failed request. */
export function errorInFailure(body: unknown): ReportedError | undefined {
  const object = objectOf(Array.isArray(body) ? body[0] : body);
  if (!object) return undefined;
  return errorInAnswer(object) ?? reported(object);
}

/** The error in a body or a chunk of a request that did not fail; `undefined` for an answer. */
export function errorInAnswer(body: unknown): ReportedError | undefined {
  const object = objectOf(Array.isArray(body) ? body[0] : body);
  if (!object) return undefined;
  const { error } = object;
  // An error that is only a name has its words in other members.
  if (saysSomething(error)) return reported(typeof error === 'string' ? object : error);
  const beside = errorInChoice(object) ?? errorOfMiniMax(object);
  if (saysSomething(beside)) return reported(beside);
  const isAnswer = ANSWER.some((member) => isThere(object[member]));
  return isAnswer || !isBareReport(object) ? undefined : reported(object);
}

/** OpenRouter reports an error of the upstream provider beside half an answer, others inside of it. */
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
  // Only the first line: others may quote the request.
  const [words = ''] = (wordsOf(error) ?? kinds.join(', ')).split('\n', 1);
  return {
    message: words === '' ? 'without details' : cutText(words, MAX_WORDS),
    code: kinds.map(String).find((kind) => kind !== 'error'),
    statusCode,
    mayPass: !PERMANENT.test(kinds.join(' ')),
    usedUp: USED_UP.test(kinds.join(' ')),
  };
}

/** The words of an error of OpenAI, Google, FastAPI, Ollama, Cohere or a gateway. */
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

/** Adds where FastAPI found the error, or what OpenRouter's upstream provider said. */
function located(words: string, { loc, metadata }: Members): string {
  const raw = membersOf(metadata)['raw'];
  if (Array.isArray(loc)) return `${loc.join('.')}: ${words}`;
  return typeof raw === 'string' && raw !== '' ? `${words}: ${cutText(raw, MAX_RAW)}` : words;
}
