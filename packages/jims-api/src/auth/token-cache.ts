// How Authentik is asked about each token as rarely as possible.
import type { Principal, TokenCheck } from '../http/principal.ts';
import { authUnavailable } from './identity-server.ts';
import { tokenDigest } from './principals.ts';

export interface VerdictCacheOptions {
  /** How long a yes is remembered; 0 for not at all. */
  readonly allowMs: number;
  /** How long a no is remembered. */
  readonly denyMs: number;
  readonly capacity: number;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
}

/** What was decided about a token: whose it is, or `undefined` for a refusal. */
interface Verdict {
  readonly principal: Principal | undefined;
}

/** Verdicts by key, each for its time; when the cache is full the least recently used one goes. */
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

export interface CachedCheckOptions {
  readonly cache: VerdictCache;
  /** How many tokens that were let in are remembered for their precedence over unknown ones. */
  readonly capacity: number;
  /** How many unknown tokens are checked at a time. */
  readonly newcomers: number;
  /** How long an unknown token may wait to be checked. */
  readonly newcomerWaitMs: number;
}

/**
 * Checks tokens, and remembers the verdicts. Requests with the same token at the same time share one
 * question. Unknown tokens wait for each other: anybody can send any number of them, and callers who were
 * let in before must not wait for these.
 */
export class CachedCheck {
  readonly #check: TokenCheck;
  readonly #options: CachedCheckOptions;
  readonly #newcomers: Semaphore;
  readonly #underway = new Map<string, Promise<Principal | undefined>>();
  /** Digests of tokens that were let in, the one used last at the end. */
  readonly #welcome = new Set<string>();

  constructor(check: TokenCheck, options: CachedCheckOptions) {
    this.#check = check;
    this.#options = options;
    this.#newcomers = new Semaphore(options.newcomers, options.newcomerWaitMs);
  }

  /** @throws HttpError 503 when the question cannot be answered; that is never remembered. */
  async principalOf(token: string): Promise<Principal | undefined> {
    const key = tokenDigest(token).toString('base64');
    const known = this.#options.cache.get(key);
    if (known) return known.principal;
    const question = this.#underway.get(key) ?? this.#ask(token, key);
    this.#underway.set(key, question);
    return question;
  }

  async #ask(token: string, key: string): Promise<Principal | undefined> {
    try {
      const check = (): Promise<Principal | undefined> => this.#check(token);
      const principal = await (this.#welcome.has(key) ? check() : this.#newcomers.run(check));
      this.#options.cache.set(key, principal);
      this.#remember(key, principal);
      return principal;
    } catch (cause) {
      throw authUnavailable(cause);
    } finally {
      this.#underway.delete(key);
    }
  }

  #remember(key: string, principal: Principal | undefined): void {
    this.#welcome.delete(key);
    if (!principal) return;
    this.#welcome.add(key);
    const [oldest] = this.#welcome;
    if (this.#welcome.size > this.#options.capacity && oldest !== undefined) {
      this.#welcome.delete(oldest);
    }
  }
}

/** Lets a number of jobs run at a time; the others wait in order, but not for long. */
class Semaphore {
  readonly #waiting = new Set<() => void>();
  readonly #waitMs: number;
  #free: number;

  constructor(atOnce: number, waitMs: number) {
    this.#free = atOnce;
    this.#waitMs = waitMs;
  }

  /** @throws Error when the wait takes too long; then `work` was not begun. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(new Error('too many tokens that were never seen before are being checked'));
      }, this.#waitMs);
      this.#waiting.add(enter);
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
