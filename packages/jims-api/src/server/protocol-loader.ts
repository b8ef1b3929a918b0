import type { Operation } from '../http/operation.ts';
import type { ApiContext, Protocol } from '../http/route.ts';
import type { ProtocolEntry } from '../protocols/registry.ts';

/** The protocols that are switched on, loaded when somebody speaks them. */
export interface ProtocolLoader {
  /** The protocol that a path belongs to: the one whose prefix says most about it. */
  forPath(path: string): Promise<Protocol | undefined>;
  /** How all of them are described; loads them all. */
  operations(): Promise<readonly Operation[]>;
}

export function createProtocolLoader(
  api: ApiContext,
  entries: readonly ProtocolEntry[],
): ProtocolLoader {
  const loading = new Map<ProtocolEntry, Promise<Protocol>>();

  async function loadNow(entry: ProtocolEntry): Promise<Protocol> {
    const begun = performance.now();
    const protocol = await entry.load(api);
    const ms = Math.round(performance.now() - begun);
    api.logger.debug({ prefixes: entry.prefixes, ms }, 'protocol loaded');
    return protocol;
  }

  function load(entry: ProtocolEntry): Promise<Protocol> {
    const protocol = loading.get(entry) ?? loadNow(entry);
    loading.set(entry, protocol);
    return protocol;
  }

  const places = entries
    .flatMap((entry) => entry.prefixes.map((prefix) => ({ prefix, entry })))
    .toSorted((a, b) => b.prefix.length - a.prefix.length);

  return {
    async forPath(path) {
      const place = places.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
      return place && load(place.entry);
    },
    async operations() {
      const protocols = await Promise.all(entries.map(load));
      return protocols.flatMap((protocol) => protocol.operations);
    },
  };
}
