import { isIP } from 'node:net';

/** A host name as `--allowed-host` takes it: no scheme, no port, no path. */
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;

/** True for what `allowedHosts` may hold: a host name, or `*` for any. */
export function isHostName(text: string): boolean {
  return text === '*' || NAME.test(text);
}

/**
 * Whether a host, its port included, is one that a service may be called by: an IP address, `localhost`
 * and names below it, a name without a dot (of a container or a pod), or one of `names`. A name that
 * somebody can register is none of them: its owner can lead the browsers of others here.
 */
export function isKnownHost(host: string, names: readonly string[]): boolean {
  const name = nameIn(host);
  if (name === undefined) return false;
  if (isIP(name.replaceAll(/^\[|\]$/g, '')) > 0) return true;
  if (!name.includes('.') || name.endsWith('.localhost')) return true;
  return names.some((each) => each === '*' || each.toLowerCase() === name);
}

/** The name in `name:port`, as URLs have it; a dot at its end says nothing. */
function nameIn(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '');
}

/** Whether an address to listen on is one that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
