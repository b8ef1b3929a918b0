import type { EventPosition } from 'jims-core';

const CURSOR =
  /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{6})\.([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

/** A position in an order as one word, for addresses and the ids of streams. */
export function toCursor({ createdAt, id }: EventPosition): string {
  return `${createdAt.replaceAll(/\D/g, '')}.${id.replaceAll('-', '')}`;
}

/** Reads what {@link toCursor} wrote; `undefined` for anything else. */
export function fromCursor(text: string): EventPosition | undefined {
  const [, ...part] = CURSOR.exec(text) ?? [];
  if (part.length === 0) return undefined;
  const [year, month, day, hour, minute, second, micros, ...id] = part;
  return {
    createdAt: `${year}-${month}-${day}T${hour}:${minute}:${second}.${micros}Z`,
    id: id.join('-'),
  };
}
