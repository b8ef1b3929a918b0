import { JimsError } from '../../errors.ts';
import type { NewEvent } from '../../thread/event.ts';

/** What may be sent with a statement. JSON is sent as text, so that its members keep their order. */
export type Parameter = string | number | boolean | null | undefined | readonly (string | number)[];

const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/;

/**
 * A value as JSON text.
 *
 * @throws JimsError `invalid_event` for a text with NUL, which PostgreSQL cannot give back.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  // The cheap look first: hardly any text has one.
  if (text.includes('\\u0000') && NUL_ESCAPE.test(text)) throw nulError();
  return text;
}

/** Whether a value holds a text that PostgreSQL cannot give back as JSON. */
export function hasNulText(value: unknown): boolean {
  const text = JSON.stringify(value);
  // The cheap look first: hardly any text has one.
  return text.includes('\\u0000') && NUL_ESCAPE.test(text);
}

export function refuseNul(parameters: readonly Parameter[]): void {
  if (parameters.some((value) => hasNul(value))) throw nulError();
}

/** Events as the three lists that our functions take. */
export function eventLists(events: readonly NewEvent[]): {
  ids: readonly string[];
  types: readonly string[];
  data: readonly string[];
} {
  return {
    ids: events.map((event) => event.id),
    types: events.map((event) => event.type),
    data: events.map((event) => toJson(event.data)),
  };
}

function hasNul(value: Parameter): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return Array.isArray(value) && value.some((each) => hasNul(each));
}

function nulError(): JimsError {
  return new JimsError('invalid_event', 'PostgreSQL cannot keep a text with the character NUL');
}
