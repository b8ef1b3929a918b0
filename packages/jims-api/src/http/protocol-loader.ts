import type { ProtocolEntry } from '../protocols/registry.ts';
import type { Operation } from './operation.ts';
import type { ApiContext, Protocol } from './route.ts';

/** The protocols that are switched on, loaded when somebody speaks them. */
export interface ProtocolLoader {
  /** The protocols that a path may belong to. */
  forPath(path: string): Promise<readonly Protocol[]>;
  /** How all of them are described; loads them all. */
  operations(): Promise<readonly Operation[]>;
}

export function createProtocolLoader(
  api: ApiContext,
  entries: readonly ProtocolEntry[],
): ProtocolLoader {
  const loading = new Map<ProtocolEntry, Promise<Protocol>>();

  function load(entry: ProtocolEntry): Promise<Protocol> {
    const protocol = loading.get(entry) ?? entry.load(api);
    loading.set(entry, protocol);
    return protocol;
  }

  return {
    forPath: (path) =>
      Promise.all(entries.filter(({ prefixes }) => begins(path, prefixes)).map(load)),
    async operations() {
      const protocols = await Promise.all(entries.map(load));
      return protocols.flatMap((protocol) => protocol.operations);
    },
  };
}

function begins(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}
