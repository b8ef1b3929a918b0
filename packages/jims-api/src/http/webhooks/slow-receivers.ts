/** Shorter than the first pause before a message is sent again, which then finds out. */
const PAUSE_MS = 4000;
const MAX_NAMES = 10_000;

/**
 * Hosts that took too long, and contacts who chose one. Until a message of theirs arrives in time they are sent one
 * after the other, with pauses: many messages that hang would keep those to all others waiting, and a contact
 * can give any number of hosts.
 */
export class SlowReceivers {
  readonly #tryAt = new Map<string, number>();

  /** Whether a message may be sent now that has all of these names; of a slow one the first after its pause. */
  mayTry(names: readonly string[], now: number = Date.now()): boolean {
    const slow = names.filter((name) => this.#tryAt.has(name));
    if (slow.some((name) => now < (this.#tryAt.get(name) ?? 0))) return false;
    for (const name of slow) this.#tryAt.set(name, Infinity);
    return true;
  }

  /** Notes how long a message took: each that may be tried must be noted. */
  note(names: readonly string[], wasSlow: boolean, now: number = Date.now()): void {
    for (const name of names) {
      this.#tryAt.delete(name);
      if (!wasSlow) continue;
      const [oldest] = this.#tryAt.keys();
      if (this.#tryAt.size >= MAX_NAMES && oldest !== undefined) this.#tryAt.delete(oldest);
      this.#tryAt.set(name, now + PAUSE_MS);
    }
  }
}
