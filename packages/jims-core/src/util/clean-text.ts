/**
 * What JSON.stringify writes of half a character (a lone surrogate) and of NUL. Other escapes match,
 * too, so that a backslash in a string is never taken for the beginning of one of these.
 */
const ESCAPE = /\\(?:u0000|ud[89a-f][0-9a-f]{2}|[^])/g;
const REPLACEMENT = '\ufffd';

/**
 * A string that every client and every database can take: half characters, which a program makes
 * that cuts an emoji in two, and NULs become U+FFFD.
 */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', REPLACEMENT);
}

/**
 * As `JSON.stringify`, with every string in it as {@link cleanText} makes it; `null` for what JSON
 * cannot hold.
 *
 * @throws TypeError for a cycle or a BigInt.
 * @example
 * cleanJson({ content: 'x\ud83d' }); // '{"content":"x\ufffd"}'
 */
export function cleanJson(value: unknown, indent?: number): string {
  const json: string | undefined = JSON.stringify(value, null, indent);
  if (json === undefined) return 'null';
  // The cheap look first: hardly any value has one.
  if (!json.includes('\\u')) return json;
  return json.replaceAll(ESCAPE, (escape) => (escape.length > 2 ? REPLACEMENT : escape));
}
