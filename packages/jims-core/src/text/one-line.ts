import { cleanText } from './clean-text.ts';

/** White space and control characters: none of them belongs into a line. */
const GAPS = /[\s\p{Cc}]+/gu;
/** How much of a string is looked at, by the length of the line: the rest could only be seen after gaps. */
const LOOKED_AT = 16;

/**
 * Makes one line of the beginning of a string: at most `max` characters, with an ellipsis as the last one
 * when something is left out. An emoji is never cut in two.
 *
 * @example oneLine('Hello\n  there', 80); // 'Hello there'
 */
export function oneLine(text: string, max: number): string {
  const start = text.trimStart().slice(0, max * LOOKED_AT);
  const line = cleanText(start).replaceAll(GAPS, ' ').trim();
  const characters = Array.from(line);
  if (characters.length <= max) return line;
  return `${characters
    .slice(0, max - 1)
    .join('')
    .trimEnd()}…`;
}
