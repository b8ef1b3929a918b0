// JSON that others wrote: providers, schema libraries, apps. Nothing about its form is sure.

/** The members of an object, of whatever type they are. */
export type Members = Readonly<Record<string, unknown>>;

/** The value as an object; `undefined` for anything else, a list too. */
export function objectOf(value: unknown): Members | undefined {
  return isObject(value) ? value : undefined;
}

/** The members of a value; none of one that is not an object. */
export function membersOf(value: unknown): Members {
  return objectOf(value) ?? {};
}

/** The value of JSON text; `undefined` for other text. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
