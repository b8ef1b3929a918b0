import type { ChatTexts } from '../texts.ts';

/** The answer of a form, or of a click on yes or no, as people read it, each member a line. Words are as they are. */
export function answerText(
  text: string,
  labels: ReadonlyMap<string, string>,
  { yes, no }: ChatTexts,
): string {
  const inWords = (value: unknown): string => {
    if (typeof value === 'boolean') return value ? yes : no;
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
  if (text === 'true' || text === 'false') return inWords(text === 'true');
  if (!/^\{".*\}$/s.test(text)) return text;
  try {
    return Object.entries({ ...JSON.parse(text) })
      .map(([name, value]) => `${labels.get(name) ?? name}: ${inWords(value)}`)
      .join('\n');
  } catch {
    return text;
  }
}
