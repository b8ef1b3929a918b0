// What must be text, as authors who write JavaScript may give anything.
import { JimsError } from '../errors/jims-error.ts';
import { cleanText } from '../text/clean-text.ts';

const MAX_NAME = 200;

/** Listeners' streams are written much later: a value that is not a string must fail here. */
export function asText(what: string, value: string): string {
  if (typeof value === 'string') return value;
  throw new JimsError('invalid_event', `${what} must be a text`); // words: ok
}

/** The name of a step. */
export function asName(name: string): string {
  if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME) return cleanText(name);
  throw new JimsError(
    'invalid_event',
    `The name of a step must be text of 1 to ${MAX_NAME} characters`,
  ); // words: ok
}
