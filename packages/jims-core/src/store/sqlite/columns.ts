import { formatMicros } from './timestamp.ts';

/** Now, as the database writes it. */
export function storedNow(): string {
  return formatMicros(Date.now() * 1000);
}

/** The database's text of a moment in the past. */
export function storedBefore(ageMs: number): string {
  return formatMicros((Date.now() - ageMs) * 1000);
}

/** The first column of a row read as an array. */
export function cell(row: unknown): unknown {
  return Array.isArray(row) ? row[0] : undefined;
}

/** A list as one parameter, for `json_each`. */
export function listParameter(values: readonly string[]): string {
  return JSON.stringify(values);
}

export function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
