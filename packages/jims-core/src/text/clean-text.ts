/**
 * How JSON.stringify writes half a character (a lone surrogate) and NUL. It also matches any other
 * escape, so that an escaped backslash is not taken for the beginning of one of these.
 */
const ESCAPE = /\\(?:u0000|ud[89a-f][0-9a-f]{2}|[^])/g;
const REPLACEMENT = '\ufffd';

/**
 * Makes a string that every client and database takes: NULs, and half characters of an emoji that was
 * cut in two, become U+FFFD.
 */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', REPLACEMENT);
}

/**
 * Works as `JSON.stringify`, but in every string NULs and half characters become U+FFFD, and a value
 * that JSON cannot hold gives `null`.
 *
 * @throws TypeError for a cycle or a BigInt.
 * @example
 * cleanJson({ content: 'x\ud83d' }); // '{"content":"x\ufffd"}'
 */
export function cleanJson(value: unknown, indent?: number): string {
  const json: string | undefined = JSON.stringify(value, null, indent);
  if (json === undefined) return 'null';
  // A cheap check first: hardly any value has such an escape.
  if (!json.includes('\\u')) return json;
  return json.replaceAll(ESCAPE, (escape) => (escape.length > 2 ? REPLACEMENT : escape));
}

/** Text of at most `max` characters, and how many more there were; half characters become U+FFFD. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text.toWellFormed();
  // A copy by way of bytes, as a slice would keep the whole text in memory.
  const start = Buffer.from(text.slice(0, max)).toString();
  return `${start}… (${text.length - max} more characters)`;
}
