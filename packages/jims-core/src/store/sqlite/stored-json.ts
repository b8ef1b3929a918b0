const STRING_OR_NON_FINITE = /("(?:[^"\\]|\\.)*")|-?(?:NaN|Infinity)\b/g;

/**
 * Reads JSON that a store holds. Python writes numbers that JSON does not know (`NaN`, `Infinity`)
 * as bare words; a row with one must not make its thread unreadable, so they are read as `null`.
 */
export function parseStoredJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(text.replace(STRING_OR_NON_FINITE, (_, string?: string) => string ?? 'null'));
  }
}

/** As {@link parseStoredJson}, for columns that hold objects: anything else is read as `{}`. */
export function parseStoredObject(text: string | null): Record<string, unknown> {
  const value = text === null ? undefined : parseStoredJson(text);
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
