// What a context is given: authors who write JavaScript may give anything. Wrong values fail here, in the words of
// the call, and not later somewhere else.
import { JimsError } from '../errors/jims-error.ts';
import type { JimsErrorCode } from '../errors/jims-error.ts';
import { cleanText } from '../text/clean-text.ts';
import type { MessagePieces } from './message-part.ts';
import type { AskOptions, ServiceQuestion } from './question.ts';
import type { StepOptions } from './step.ts';

const MAX_NAME = 200;

/** Listeners' streams are written much later. */
export function asText(what: string, value: string): string {
  if (typeof value === 'string') return value;
  throw wrong(`${what} must be a string`, value);
}

/** The name of a step. */
export function asName(name: string): string {
  if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME) return cleanText(name);
  const reason = `The name of a step must be text of 1 to ${MAX_NAME} characters`;
  throw new JimsError('invalid_event', reason); // words: ok
}

/** The work of a step. */
export function requireWork(name: string, work: unknown): void {
  if (typeof work === 'function') return;
  throw wrong(`The work of the step '${name}' must be a function, as in () => find(id)`, work);
}

/** How the work of a step is done. */
export function requireStepOptions(name: string, options: StepOptions): void {
  const of = `of the step '${name}'`;
  requireObject(`The options ${of}`, options);
  const { retry, timeoutMs } = options;
  if (timeoutMs !== undefined) requireNumber(`timeoutMs ${of}`, timeoutMs, 1);
  if (retry === undefined) return;
  requireObject(`retry ${of}`, retry);
  const { times, minDelayMs = 0, maxDelayMs = 0 } = retry;
  for (const [member, value] of Object.entries({ times, minDelayMs, maxDelayMs })) {
    requireNumber(`retry.${member} ${of}`, value);
  }
}

/** What is kept of a question beside its text, with its name as every database gives it back. */
export function asQuestion<T extends Pick<AskOptions, 'name' | 'expiresInMs'>>(question: T): T {
  requireObject('The options of a question', question);
  const { name, expiresInMs } = question;
  if (expiresInMs !== undefined) requireNumber('expiresInMs of a question', expiresInMs);
  if (name === undefined) return question;
  return { ...question, name: cleanText(asText('The name of a question', name)) };
}

/** A message or a question to the contact: text, or its pieces. An array of pieces is one, too. */
export function requireMessage(what: string, value: unknown): void {
  if (typeof value === 'string') return;
  const isObject = typeof value === 'object' && value !== null;
  if (isObject && (Symbol.asyncIterator in value || Symbol.iterator in value)) return;
  throw wrong(`${what} must be text, or an async iterable of pieces such as ctx.llm.stream`, value);
}

/** Whether a question is one to a service, which has a name. */
export function isToService<T>(
  question: ServiceQuestion<T> | string | MessagePieces,
): question is ServiceQuestion<T> {
  if (typeof question !== 'object' || question === null || !('to' in question)) return false;
  asText('The name of a question to a service', question.name);
  return true;
}

/** The buttons of a message. */
export function requireButtons(value: unknown): void {
  if (!Array.isArray(value)) throw wrong('Buttons must be a list of { text, id }', value);
}

/** A state that is to be kept. */
export function requireState(name: unknown, value: unknown): void {
  requireStateName(name);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw wrong(`The state '${name}' must be an object, such as { value: 5 }`, value);
}

/** How a state is read. */
export function requireSchema(name: unknown, schema: unknown): void {
  requireStateName(name);
  if (schema !== null && schema !== undefined && Object(schema)['~standard'] !== undefined) return;
  throw wrong(
    `getState('${name}', schema) needs a schema, such as one of Valibot or Zod`,
    schema,
    'invalid_state',
  );
}

function requireStateName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '') return;
  throw wrong('The name of a state must be text', name);
}

function requireObject(what: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) return;
  throw wrong(`${what} must be an object`, value);
}

/** `Infinity` means for ever. */
function requireNumber(what: string, value: unknown, least = 0): void {
  if (typeof value === 'number' && value >= least) return;
  const is = typeof value === 'number' ? value : kindOf(value);
  throw new JimsError('invalid_event', `${what} must be a number from ${least} on. It is ${is}`);
}

function wrong(rule: string, value: unknown, code: JimsErrorCode = 'invalid_event'): JimsError {
  return new JimsError(code, `${rule}. It is ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null || value === '')
    return value === '' ? 'empty' : `${value}`;
  if (value instanceof Promise) return 'a promise: await it first';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
