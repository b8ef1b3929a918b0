// How values are written into columns, and read from them.
import { isJsonObject } from '../../thread/event.ts';
import type { JsonObject } from '../../thread/event.ts';
import { formatMicros } from './timestamp.ts';

/** A UUID as SQLAlchemy keeps it on SQLite: 32 hex digits. */
export function toHex(uuid: string): string {
  return (
    uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24)
  );
}

/**
 * The usual form of 32 hex digits. Joined, because a template would keep a tree of its pieces in memory,
 * six times the size.
 */
export function fromHex(hex: string): string {
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

/** The current time as the database keeps it. */
export function storedNow(): string {
  return formatMicros(Date.now() * 1000);
}

/** A time in the past as the database keeps it. */
export function storedBefore(ageMs: number): string {
  return formatMicros((Date.now() - ageMs) * 1000);
}

/** A list as one parameter, for `json_each`. */
export function listParameter(values: readonly string[]): string {
  return JSON.stringify(values);
}

export function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

export function hexOrNull(uuid: string | undefined): string | null {
  return uuid === undefined ? null : toHex(uuid);
}

export function uuidOrNone(hex: string | null | undefined): string | undefined {
  return hex === null || hex === undefined ? undefined : fromHex(hex);
}

/** The value of a JSON column; `undefined` for NULL. */
export function valueOf(text: string | null): unknown {
  return text === null ? undefined : parseStoredJson(text);
}

const STRING_OR_NON_FINITE = /("(?:[^"\\]|\\.)*")|-?(?:NaN|Infinity)\b/g;

/**
 * Reads a JSON column. Python writes numbers that JSON does not know (`NaN`, `Infinity`) as bare words;
 * a row with one must not make its thread unreadable, so they are read as `null`.
 */
export function parseStoredJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(text.replace(STRING_OR_NON_FINITE, (_, string?: string) => string ?? 'null'));
  }
}

/** Like {@link parseStoredJson}, for columns that hold objects: anything else is read as `{}`. */
export function parseStoredObject(text: string | null): JsonObject {
  const value = text === null ? undefined : parseStoredJson(text);
  return isJsonObject(value) ? value : {};
}
