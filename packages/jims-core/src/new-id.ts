import { randomUUIDv7 } from 'node:crypto';

/** `123…` and `12e34…` without hyphens. */
const NUMBER_LIKE = /^\d+(?:e\d+)?$/;

/**
 * A new UUIDv7, never one whose hex digits read as a number: the tables that the original makes on
 * SQLite would keep it as one, and lose it. One in some ten thousand is.
 */
export function newId(): string {
  for (;;) {
    const id = randomUUIDv7();
    if (!NUMBER_LIKE.test(id.replaceAll('-', ''))) return id;
  }
}
