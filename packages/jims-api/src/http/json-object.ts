import type { JsonObject } from 'jims-core';

/** True for what JSON calls an object: not for arrays, not for null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
