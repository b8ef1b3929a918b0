const LINKED = new Set(['http:', 'https:', 'mailto:']);

/** The address of a link that may be followed, or `undefined`: never a script, never a relative one. */
export function linkAddress(href: string): string | undefined {
  try {
    const url = new URL(href);
    return LINKED.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** The host of an address, for people who want to know where it leads. */
export function hostOf(address: string): string {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}
