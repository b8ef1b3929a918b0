import { cleanJson, cleanText, cutText } from './clean-text.ts';

/**
 * A value of any kind as plain JSON of at most `max` characters. What is larger becomes the beginning of its
 * JSON, as text that says how much is missing; what JSON cannot hold at all becomes text.
 *
 * @example boundedJson({ at: new Date(0) }, 1000); // { at: '1970-01-01T00:00:00.000Z' }
 */
export function boundedJson(value: unknown, max: number): unknown {
  if (typeof value === 'string') return boundedText(value, max);
  const json = jsonOf(value);
  return json.length <= max ? JSON.parse(json) : cutText(json, max);
}

/** A value of any kind as text: itself, or its JSON, cut as {@link boundedJson}. */
export function boundedText(value: unknown, max: number): string {
  return cutText(typeof value === 'string' ? cleanText(value) : jsonOf(value), max);
}

function jsonOf(value: unknown): string {
  try {
    return cleanJson(value);
  } catch {
    // A cycle, a BigInt, or a `toJSON` that throws.
    return cleanJson(typeof value === 'bigint' ? String(value) : '(not JSON)');
  }
}
