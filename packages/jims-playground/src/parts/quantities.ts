// Times, amounts and costs, as people read them.

const COUNT = new Intl.NumberFormat('en');

/** `820 ms`, `1.25 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms > 0 && ms < 1) return '<1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function count(amount: number): string {
  return COUNT.format(amount);
}

/** `1 event`, `2 events`. */
export function countOf(amount: number, what: string): string {
  return `${count(amount)} ${what}${amount === 1 ? '' : 's'}`;
}

/** `$0.0123`: two digits that say something. */
export function cost(usd: number): string {
  if (usd === 0) return '$0';
  if (usd < 0.0001) return '<$0.0001';
  return `$${usd < 1 ? usd.toPrecision(2) : usd.toFixed(2)}`;
}

/** Milliseconds since 1970, with the microseconds after the point, of a time on the wire. */
export function momentOf(time: string): number {
  const micros = /\.\d{3}(\d{3})/.exec(time)?.[1] ?? '0';
  return Date.parse(time) + Number(micros) / 1000;
}

/** `14:03:22`, in the reader's time zone. */
export function clock(time: string): string {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** `now`, `5 min`, `14:03`, `3 Nov`: short enough for lists. */
export function ago(time: string, now: number): string {
  const at = new Date(time);
  const minutes = Math.floor((now - at.getTime()) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 20 * 60)
    return at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

/** The beginning of text, on one line. */
export function excerpt(text: string, length = 140): string {
  const line = text
    .slice(0, length * 4)
    .replaceAll(/\s+/g, ' ')
    .trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}

/** JSON on one line, not longer than what is read at a glance. */
export function glance(value: unknown): string {
  if (value === undefined || value === null) return '';
  return excerpt(typeof value === 'string' ? value : JSON.stringify(value));
}
