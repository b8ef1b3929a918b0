import type { Principal } from '../http/principal.ts';

export interface VerdictCacheOptions {
  /** How long it is remembered who was let in; 0 is not at all. */
  readonly allowMs: number;
  readonly denyMs: number;
  readonly capacity: number;
  readonly now: () => number;
}

/** What was decided about a token: whose it is, or `undefined` for a refusal. */
export interface Verdict {
  readonly principal: Principal | undefined;
}

/** Verdicts by key, each for its time; when it is full the least recently used one goes. */
export class VerdictCache {
  readonly #options: VerdictCacheOptions;
  /** A Map keeps the order of insertion: the first entry is the least recently used. */
  readonly #entries = new Map<string, Verdict & { readonly until: number }>();

  constructor(options: VerdictCacheOptions) {
    this.#options = options;
  }

  get(key: string): Verdict | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.until <= this.#options.now()) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: string, principal: Principal | undefined): void {
    const { allowMs, denyMs, capacity, now } = this.#options;
    const lifetime = principal ? allowMs : denyMs;
    if (lifetime <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { principal, until: now() + lifetime });
    if (this.#entries.size <= capacity) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
