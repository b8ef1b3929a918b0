import type { ChatTexts } from '../texts.ts';
import { nameInWords } from './answer-schema.ts';
import type { AnswerField } from './answer-schema.ts';

/**
 * The answer of a form, or of a click on yes or no, as people read it: each member is a line. `undefined` for an
 * answer in words.
 */
export function answerText(
  json: string,
  fields: readonly AnswerField[],
  texts: ChatTexts,
): string | undefined {
  const answer = valueIn(json);
  if (typeof answer === 'boolean') return inWords(answer, texts);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return undefined;
  const labels = new Map(fields.map(({ name, label }) => [name, label]));
  const lines = Object.entries(answer).map(
    ([name, value]) => `${labels.get(name) ?? nameInWords(name)}: ${inWords(value, texts)}`,
  );
  return lines.length > 0 ? lines.join('\n') : undefined;
}

function inWords(value: unknown, { yes, no }: ChatTexts): string {
  if (typeof value === 'boolean') return value ? yes : no;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function valueIn(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
