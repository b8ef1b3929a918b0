/** Shorter than the first pause before a message is sent again, which then finds out. */
const PAUSE_MS = 4000;
const MAX_HOSTS = 10_000;

/**
 * Hosts that took too long. Until one answers in time it is sent one message after the other, with pauses: many
 * messages to a host that hangs would keep those to all other hosts waiting.
 */
export class SlowHosts {
  readonly #tryAt = new Map<string, number>();

  /** Whether a message may be sent to a host now; of a slow one the first that comes after its pause. */
  mayTry(host: string, now: number = Date.now()): boolean {
    const tryAt = this.#tryAt.get(host);
    if (tryAt === undefined) return true;
    if (now < tryAt) return false;
    this.#tryAt.set(host, Infinity);
    return true;
  }

  /** Notes how long a message to a host took: each that may be tried must be noted. */
  note(host: string, wasSlow: boolean, now: number = Date.now()): void {
    this.#tryAt.delete(host);
    if (!wasSlow) return;
    const [oldest] = this.#tryAt.keys();
    if (this.#tryAt.size >= MAX_HOSTS && oldest !== undefined) this.#tryAt.delete(oldest);
    this.#tryAt.set(host, now + PAUSE_MS);
  }
}
