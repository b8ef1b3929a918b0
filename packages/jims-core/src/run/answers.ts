import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../errors/jims-error.ts';
import type {
  AskOptions,
  ContactAnswer,
  NoAnswer,
  ServiceAnswer,
  ServiceQuestion,
} from '../pipeline/question.ts';
import { cleanJson } from '../text/clean-text.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';
import { QUESTION_EXPIRED, QUESTION_WITHDRAWN, namesOf } from './new-question.ts';

/** What a pipeline gets for its question to the contact. Without an event it could not be asked. */
export function contactAnswer<T>(
  event: ThreadEvent | undefined,
  { buttons = [], schema }: AskOptions<T>,
): ContactAnswer<T> {
  if (!event) return { kind: 'unavailable' };
  const none = noAnswer(event);
  if (none) return none;
  const { content, reason } = event.data;
  const text = typeof content === 'string' ? content : '';
  // The text of one button may be the id of another, which a click means.
  const button =
    buttons.find((each) => namesOf(each)[0] === text) ?? buttons.find((each) => each.text === text);
  return {
    kind: 'message',
    text,
    buttonId: button && namesOf(button)[0],
    eventType: event.type,
    ...(typeof reason === 'string' && reason !== '' && { reason }),
    value: schema && fitting(schema, text),
  };
}

/**
 * What a pipeline gets for its question to a service.
 *
 * @throws JimsError `answer_invalid` for a value that does not fit the schema.
 */
export function serviceAnswer<T>(
  event: ThreadEvent | undefined,
  { schema, name }: ServiceQuestion<T>,
): ServiceAnswer<T> {
  if (!event) return { kind: 'unavailable' };
  const none = noAnswer(event);
  if (none) return none;
  // `app.questions.answer` wrote it.
  const { value, by }: Answered<T> = JSON.parse(JSON.stringify(event.data));
  if (!schema) return { kind: 'value', value, by };
  const checked = schema['~standard'].validate(value);
  if (checked instanceof Promise) throw invalid(name, 'its schema is asynchronous');
  if (!checked.issues) return { kind: 'value', value: checked.value, by };
  throw invalid(name, checked.issues.map(({ message }) => message).join('; '));
}

interface Answered<T> {
  readonly value: T;
  readonly by: Principal | undefined;
}

function noAnswer({ type, data }: ThreadEvent): NoAnswer | undefined {
  if (type === QUESTION_EXPIRED) return { kind: 'expired' };
  if (type !== QUESTION_WITHDRAWN) return undefined;
  const { reason } = data;
  return { kind: 'withdrawn', reason: typeof reason === 'string' ? reason : '' };
}

/** The text itself, or the JSON in it, as the schema takes it. */
function fitting<T>(schema: StandardSchemaV1<unknown, T>, text: string): T | undefined {
  for (const value of [text, jsonIn(text)]) {
    const checked = schema['~standard'].validate(value);
    if (!(checked instanceof Promise) && !checked.issues) return checked.value;
  }
  return undefined;
}

/** A validator may find something wrong with each value, and does nothing else meanwhile. */
const MAX_VALUES = 10_000;
/** As deep as the JSON of a request may be. */
const MAX_DEPTH = 64;

/** The JSON that a string holds, with text that every client and database takes. */
function jsonIn(text: string): unknown {
  if (text.split(/[,[{]/, MAX_VALUES).length === MAX_VALUES) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isDeeper(value, MAX_DEPTH) ? undefined : JSON.parse(cleanJson(value));
  } catch {
    return undefined;
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

function invalid(name: string, reasons: string): JimsError {
  return new JimsError('answer_invalid', `The answer to '${name}' does not fit: ${reasons}`);
}
