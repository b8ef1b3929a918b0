import { isIP } from 'node:net';

import { isPublicAddress } from './public-addresses.ts';

/** A host that is named exactly; without a port all of its ports are. */
interface NamedHost {
  readonly host: string;
  readonly port: string | undefined;
}

const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;
const EXACT = /^(?<host>\[[^\]]+\]|[^:[\]]+)(?::(?<port>\d{1,5}))?$/;
const MAX_URL = 2048;
/** The ports that URLs leave out. */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * Where a service may send, as its operator says: `hooks.example`, `receiver:8080`, `[::1]` or `10.0.0.5` is
 * exactly this host, which may then be private, and speak plain HTTP; `*.example.com` are the public hosts below
 * a name, and `*` all public hosts.
 */
export class WebhookHosts {
  readonly #named: readonly NamedHost[];
  readonly #domains: readonly string[];
  readonly #isAny: boolean;

  /** @throws TypeError for what cannot be a host. */
  constructor(hosts: readonly string[]) {
    const strange = hosts.find((each) => !isWebhookHost(each));
    if (strange !== undefined) {
      throw new TypeError(
        `webhookHosts must be hosts such as hooks.example, receiver:8080, *.example.com or *, got '${strange}'`,
      );
    }
    this.#isAny = hosts.includes('*');
    const domains = hosts.filter((each) => each.startsWith('*.'));
    this.#domains = domains.map((each) => each.slice(1).toLowerCase());
    this.#named = hosts.flatMap((each) => namedHost(each) ?? []);
  }

  /** Whether the host of a URL is named exactly: then its address is not looked at. */
  isNamed({ hostname, port, protocol }: URL): boolean {
    const given = port || DEFAULT_PORTS[protocol];
    return this.#named.some(
      (each) => each.host === hostname && (each.port === undefined || each.port === given),
    );
  }

  /**
   * Reads an address to send to; a string says why nothing can ever be sent there. What a name stands for is
   * seen when something is sent.
   */
  read(text: string): URL | string {
    const url = text.length > MAX_URL ? null : URL.parse(text);
    if (!url)
      return `The url must be an address such as https://client.example/hook, of at most ${MAX_URL} characters`;
    if (!(url.protocol in DEFAULT_PORTS)) return 'The url must begin with https://';
    if (url.username !== '' || url.password !== '') {
      return 'The url must have no user name and no password in it';
    }
    url.hostname = url.hostname.replace(/\.$/, '');
    url.hash = '';
    return this.#refusalOf(url) ?? url;
  }

  #refusalOf(url: URL): string | undefined {
    if (this.isNamed(url)) return undefined;
    const { hostname, protocol, port } = url;
    const address = literalOf(hostname);
    const isAllowed = this.#isAny || (address === undefined && this.#isBelow(hostname));
    if (!isAllowed && this.#named.some((each) => each.host === hostname)) {
      return `This service does not send to '${hostname}:${port || DEFAULT_PORTS[protocol]}'`;
    }
    if (protocol !== 'https:') return 'The url must begin with https://';
    if (!isAllowed) {
      return `This service does not send to the host '${hostname}'`;
    }
    const isPublic = address === undefined ? isPublicName(hostname) : isPublicAddress(address);
    return isPublic ? undefined : `The host '${hostname}' is not on the public internet`;
  }

  #isBelow(hostname: string): boolean {
    return this.#domains.some((domain) => hostname.endsWith(domain) && hostname !== domain);
  }
}

/** True for what the operator may name: see {@link WebhookHosts}. */
export function isWebhookHost(text: string): boolean {
  if (text === '*') return true;
  if (text.startsWith('*.')) return NAME.test(text.slice(2)) && isIP(text.slice(2)) === 0;
  return namedHost(text) !== undefined;
}

/** The IP address that a host of a URL is; `undefined` for a name. */
export function literalOf(hostname: string): string | undefined {
  const bare = hostname.replaceAll(/^\[|\]$/g, '');
  return isIP(bare) > 0 ? bare : undefined;
}

/** Written as URLs have it, so that each host has one form. */
function namedHost(text: string): NamedHost | undefined {
  if (text.startsWith('*')) return undefined;
  const whole = isIP(text) === 6 ? `[${text}]` : text;
  const { host = '', port } = EXACT.exec(whole)?.groups ?? {};
  const isPlain = NAME.test(host) || literalOf(host) !== undefined;
  const url = isPlain ? URL.parse(`https://${host}`) : null;
  return url ? { host: url.hostname, port } : undefined;
}

/** Not a name that only this machine or its network knows. */
function isPublicName(hostname: string): boolean {
  return hostname.includes('.') && !/\.(?:localhost|local|internal|home\.arpa)$/.test(hostname);
}
