import { isIP } from 'node:net';

/** A host name as `--allowed-host` takes it: no scheme, no port, no path. */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;

/** True for a host name, or `*` for any: what `allowedHosts` may contain. */
export function isHostName(text: string): boolean {
  return text === '*' || NAME.test(text);
}

/**
 * True when requests may be sent to a host, given with or without its port: an IP address, `localhost` and
 * names below it, a name without a dot (of a container or a pod), or one of `names`. No stranger can own
 * these; the owner of any other name could point it here, and make other people's browsers call.
 */
export function isKnownHost(host: string, names: readonly string[]): boolean {
  const name = nameIn(host);
  if (name === undefined) return false;
  if (isIP(name.replaceAll(/^\[|\]$/g, '')) > 0) return true;
  if (!name.includes('.') || name.endsWith('.localhost')) return true;
  return names.some((each) => each === '*' || each.toLowerCase() === name);
}

/** The name in `name:port`, as URLs have it; a dot at its end is left out. */
function nameIn(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '');
}

/** True for an address to listen on that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
