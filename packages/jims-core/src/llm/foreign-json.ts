// JSON that others wrote: providers, schema libraries, apps. It may have any form.

/** An object whose members may have any type. */
export type Members = Readonly<Record<string, unknown>>;

/** The value as an object; `undefined` for anything else, arrays included. */
export function objectOf(value: unknown): Members | undefined {
  return isObject(value) ? value : undefined;
}

/** The value as an object; an empty one for anything else. */
export function membersOf(value: unknown): Members {
  return objectOf(value) ?? {};
}

/** The value of JSON text; `undefined` for text that is not JSON. */
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
