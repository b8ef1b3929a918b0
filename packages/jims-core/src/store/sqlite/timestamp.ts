/**
 * Time as it is kept: microseconds since 1970 as a number (exact until the year 2255), the public
 * text `2026-11-24T01:02:03.000004Z`, and the database's text `2026-11-24 01:02:03.000004`.
 * Never a `Date` in between: it would drop the microseconds that order events.
 */

const SECONDS_LENGTH = 'YYYY-MM-DD HH:MM:SS'.length;

/**
 * The public text of a database text; whole seconds, as the original writes them on SQLite, too.
 * Joined, as a template would keep a tree of its pieces in memory.
 */
export function toPublicTime(text: string): string {
  const fraction = text.slice(SECONDS_LENGTH + 1).padEnd(6, '0');
  return [text.slice(0, 10), 'T', text.slice(11, SECONDS_LENGTH), '.', fraction, 'Z'].join('');
}

/** The database text of a public text. */
export function toStoredTime(text: string): string {
  return `${text.slice(0, 10)} ${text.slice(11, -1)}`;
}

/** The last millisecond that was formatted: what is written together has the same one. */
let formatted = { milliseconds: Number.NaN, text: '' };

/** The database text of microseconds since 1970. */
export function formatMicros(micros: number): string {
  const milliseconds = Math.floor(micros / 1000);
  if (milliseconds !== formatted.milliseconds) {
    const iso = new Date(milliseconds).toISOString();
    formatted = { milliseconds, text: `${iso.slice(0, 10)} ${iso.slice(11, 23)}` };
  }
  return formatted.text + String(micros - milliseconds * 1000).padStart(3, '0');
}

/** Microseconds since 1970 of a database text. */
export function parseMicros(text: string): number {
  const seconds = Date.parse(`${text.slice(0, 10)}T${text.slice(11, SECONDS_LENGTH)}Z`);
  return seconds * 1000 + Number(text.slice(SECONDS_LENGTH + 1).padEnd(6, '0'));
}
