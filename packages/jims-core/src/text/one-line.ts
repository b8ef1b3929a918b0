/** What takes no room, or breaks a line: spaces, control characters, and what JSON could not hold. */
const GAPS = /[\s\p{Cc}]+/gu;

/**
 * The beginning of a text on one line, `max` characters at most; `…` ends one that is cut. No character of
 * two halves is cut in two.
 *
 * @example
 * oneLine('Good morning,\nwhere is my order?', 20); // 'Good morning, where…'
 */
export function oneLine(text: string, max: number): string {
  const line = text.toWellFormed().replaceAll(GAPS, ' ').trim();
  if (line.length <= max) return line;
  const end = line.codePointAt(max - 2);
  const length = end !== undefined && end > 0xffff ? max - 2 : max - 1;
  return `${line.slice(0, length).trimEnd()}…`;
}
