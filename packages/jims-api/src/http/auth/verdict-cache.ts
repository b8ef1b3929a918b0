export interface VerdictCacheOptions {
  /** How long an "allowed" is remembered; 0 is not at all. */
  readonly allowMs: number;
  readonly denyMs: number;
  readonly capacity: number;
  readonly now: () => number;
}

/** Verdicts by key, each for its time; when it is full the least recently used one goes. */
export class VerdictCache {
  readonly #options: VerdictCacheOptions;
  /** A Map keeps the order of insertion: the first entry is the least recently used. */
  readonly #entries = new Map<string, { readonly allowed: boolean; readonly until: number }>();

  constructor(options: VerdictCacheOptions) {
    this.#options = options;
  }

  get(key: string): boolean | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.until <= this.#options.now()) return undefined;
    this.#entries.set(key, entry);
    return entry.allowed;
  }

  set(key: string, allowed: boolean): void {
    const { allowMs, denyMs, capacity, now } = this.#options;
    const lifetime = allowed ? allowMs : denyMs;
    if (lifetime <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { allowed, until: now() + lifetime });
    if (this.#entries.size <= capacity) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
