import { randomUUIDv7 } from 'node:crypto';

const LETTER_OF_NO_NUMBER = /[a-df]/;

/**
 * A new UUIDv7, never one whose hex digits could read as a number, such as `12e34`: the tables that
 * the original makes on SQLite would keep it as one, and lose it.
 */
export function newId(): string {
  for (;;) {
    const id = randomUUIDv7();
    if (LETTER_OF_NO_NUMBER.test(id)) return id;
  }
}
