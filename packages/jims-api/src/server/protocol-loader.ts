import type { Logger } from 'jims-core';

import type { Protocol } from '../http/route.ts';
import type { ProtocolEntry } from '../protocols/registry.ts';

/** Loads each of the given protocols when its first request comes. */
export class ProtocolLoader {
  readonly #entries: readonly ProtocolEntry[];
  readonly #logger: Logger;
  readonly #loading = new Map<ProtocolEntry, Promise<Protocol>>();
  /** Every prefix with its protocol, the longest first. */
  readonly #prefixes: readonly { readonly prefix: string; readonly entry: ProtocolEntry }[];

  constructor(entries: readonly ProtocolEntry[], logger: Logger) {
    this.#entries = entries;
    this.#logger = logger;
    this.#prefixes = entries
      .flatMap((entry) => entry.prefixes.map((prefix) => ({ prefix, entry })))
      .toSorted((a, b) => b.prefix.length - a.prefix.length);
  }

  /** The protocol that a path belongs to: the one with the longest prefix of it. */
  async forPath(path: string): Promise<Protocol | undefined> {
    const found = this.#prefixes.find(
      ({ prefix }) => path === prefix || path.startsWith(`${prefix}/`),
    );
    return found && this.load(found.entry);
  }

  /** All of the protocols. */
  all(): Promise<readonly Protocol[]> {
    return Promise.all(this.#entries.map((entry) => this.load(entry)));
  }

  /** One of the protocols that it was made with. */
  load(entry: ProtocolEntry): Promise<Protocol> {
    const protocol = this.#loading.get(entry) ?? this.#loadNow(entry);
    this.#loading.set(entry, protocol);
    return protocol;
  }

  async #loadNow(entry: ProtocolEntry): Promise<Protocol> {
    const begun = performance.now();
    const protocol = await entry.load();
    const ms = Math.round(performance.now() - begun);
    this.#logger.debug({ prefixes: entry.prefixes, ms }, 'protocol loaded');
    return protocol;
  }
}
