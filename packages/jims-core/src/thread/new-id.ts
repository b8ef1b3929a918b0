import { randomUUID } from 'node:crypto';

const NOT_IN_NUMBERS = /[a-df]/;
/** The twelve bits after the time count within a millisecond (RFC 9562, section 6.2, method 1). */
const IDS_A_MS = 4096;

let lastMs = 0;
/** Of `lastMs`, with the version. */
let time = '';
let count = 0;

/**
 * Makes a UUIDv7, for events, runs and threads. Of the ids that a process makes, each is greater than all before it. Their
 * hex digits never look like a number such as `12e34`: the tables that the original makes on SQLite would store it as
 * a number, and lose it.
 *
 * @example newId(); // '019a3c5e-8f1d-7b2a-9c4e-5d6f7a8b9c0d'
 */
export function newId(): string {
  for (;;) {
    const id = countedTime() + randomUUID().slice(18);
    if (NOT_IN_NUMBERS.test(id)) return id;
  }
}

/** The part of an id that grows: its time, version and count. */
function countedTime(): string {
  const now = Date.now();
  count += 1;
  if (now > lastMs || count === IDS_A_MS) {
    // A clock that was set back, or more ids than a millisecond has: they go on in the next one.
    lastMs = Math.max(now, lastMs + 1);
    count = 0;
    const hex = lastMs.toString(16).padStart(12, '0');
    time = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  }
  return time + count.toString(16).padStart(3, '0');
}
