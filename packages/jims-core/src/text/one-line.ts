import { cleanText } from './clean-text.ts';
import { beginningOf } from './text-pieces.ts';

/** How much text is looked at: all before it may be white space. */
const LOOK_AT = 4096;

/**
 * The beginning of text on one line, in at most `max` UTF-16 units. When it is cut, it ends with `…`, and
 * never inside of what a reader sees as one character.
 *
 * @example oneLine('Hello,\n world', 80); // 'Hello, world'
 */
export function oneLine(text: string, max: number): string {
  const line = cleanText(beginningOf(text, LOOK_AT))
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (line.length <= max && text.length <= LOOK_AT) return line;
  return `${beginningOf(line, max - 1).trimEnd()}…`;
}
