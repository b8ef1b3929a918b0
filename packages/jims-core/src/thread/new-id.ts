import { randomUUIDv7 } from 'node:crypto';

const NOT_IN_NUMBERS = /[a-df]/;

/**
 * Makes a UUIDv7, for events, runs and threads. Its hex digits never look like a number such as `12e34`:
 * the tables that the original makes on SQLite would store it as a number, and lose it.
 *
 * @example newId(); // '019a3c5e-8f1d-7b2a-9c4e-5d6f7a8b9c0d'
 */
export function newId(): string {
  for (;;) {
    const id = randomUUIDv7();
    if (NOT_IN_NUMBERS.test(id)) return id;
  }
}
