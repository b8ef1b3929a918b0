import type { ChatTexts } from '../texts.ts';
import type { AnswerField } from './answer-schema.ts';

/**
 * The answer of a form, or of a click on yes or no, as people read it: each member is a line. `undefined` for an
 * answer in words.
 */
export function answerText(
  json: string,
  fields: readonly AnswerField[],
  { yes, no }: ChatTexts,
): string | undefined {
  if (!/^(\{.*\}|true|false)$/s.test(json)) return undefined;
  const inWords = (value: unknown): string => {
    if (typeof value === 'boolean') return value ? yes : no;
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
  const line = ([name, value]: [string, unknown]): string => {
    const field = fields.find((each) => each.name === name);
    return `${field?.label ?? name}: ${inWords(value)}`;
  };
  try {
    const answer: unknown = JSON.parse(json);
    if (typeof answer === 'boolean') return inWords(answer);
    const lines = Object.entries({ ...Object(answer) }).map(line);
    return lines.length > 0 ? lines.join('\n') : undefined;
  } catch {
    return undefined;
  }
}
