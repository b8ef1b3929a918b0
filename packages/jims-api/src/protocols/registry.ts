import type { ApiContext, Protocol } from '../http/route.ts';

/** A protocol that can be switched on, and where it answers. */
export interface ProtocolEntry {
  /** Paths that begin so are its own: it is loaded when the first such request comes. */
  readonly prefixes: readonly string[];
  /** For people: what it is. */
  readonly title: string;
  readonly load: (api: ApiContext) => Promise<Protocol>;
}

/** The names that `--protocols` knows. */
export type ProtocolName = never;

/** Every protocol beside JIMS's own. No path belongs to two. */
export const PROTOCOLS: Readonly<Record<ProtocolName, ProtocolEntry>> = {};

export function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(PROTOCOLS, name);
}
