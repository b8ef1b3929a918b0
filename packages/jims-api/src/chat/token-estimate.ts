/** A token is about so many bytes of English. */
const BYTES_PER_TOKEN = 4;

/** About how many tokens texts are, by their length: which model an app uses, and how, is its own matter. */
export function estimatedTokens(texts: Iterable<string>): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}
