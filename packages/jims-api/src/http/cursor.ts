import type { EventPosition } from 'jims-core';

const CURSOR =
  /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{6})\.([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

/** Writes a position as one word, for addresses and for the ids of stream events. */
export function toCursor({ createdAt, id }: EventPosition): string {
  return `${createdAt.replaceAll(/\D/g, '')}.${id.replaceAll('-', '')}`;
}

/** Reads what {@link toCursor} wrote; `undefined` for anything else, also for a time that does not exist. */
export function fromCursor(text: string): EventPosition | undefined {
  const [, ...part] = CURSOR.exec(text) ?? [];
  if (part.length === 0) return undefined;
  const [year, month, day, hour, minute, second, micros, ...id] = part;
  const seconds = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  if (!isTime(seconds)) return undefined;
  return { createdAt: `${seconds}.${micros}Z`, id: id.join('-') };
}

/** PostgreSQL refuses what is not in the calendar, such as the 30th of February or the year 0. */
function isTime(seconds: string): boolean {
  const milliseconds = Date.parse(`${seconds}Z`);
  if (Number.isNaN(milliseconds) || seconds.startsWith('0000')) return false;
  return new Date(milliseconds).toISOString().startsWith(seconds);
}
