import { createHash } from 'node:crypto';
import { Resolver, lookup } from 'node:dns/promises';
import http from 'node:http';
import type { ClientRequest, RequestOptions } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';

import type { SendResult } from 'jims-core/host';

import { packageVersion } from '../../version.ts';
import { isPublicAddress } from './public-addresses.ts';
import { SlowReceivers } from './slow-receivers.ts';
import { WebhookHosts, literalOf } from './webhook-hosts.ts';
import { WebhookSignatures } from './webhook-signatures.ts';

/** An address that a name stands for. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

type Resolve = (hostname: string) => Promise<readonly HostAddress[]>;

/** What is sent to an address that a client gave. */
export interface WebhookMessage {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The contact that chose the address, where no service did. */
  readonly contactId?: string | undefined;
}

interface Sending extends WebhookMessage {
  readonly id: string;
  readonly limit: AbortSignal;
}

export interface WebhooksOptions {
  /** Where to send: see `WebhookHosts`. */
  readonly hosts: readonly string[];
  /** What messages are signed with; without secrets they are not. */
  readonly secrets?: readonly string[] | undefined;
  /** Finds the addresses of a name; default: of a host that is named exactly as the system does, of others by DNS. */
  readonly resolve?: Resolve | undefined;
  /** How long sending may take in all; default 5000. */
  readonly timeoutMs?: number;
  /** What else tells the API that sends from others of its app. */
  readonly api?: Readonly<Record<string, unknown>>;
}

/** How much of an answer is read, to be thrown away. */
const MAX_ANSWER = 16 * 1024;
const GONE = 410;
const DNS_OPTIONS = { timeout: 2000, tries: 2 };

/**
 * Sends messages to addresses that clients chose, and to none that the operator does not allow: the addresses of
 * a name are looked up and checked each time, and one of those is connected to. No redirect is followed and no
 * proxy is used; an answer is waited for a short time, and not read.
 */
export class Webhooks {
  /**
   * Its names in every process that has the same options: one for each secret, so that secrets can be changed. A
   * subscription keeps the first one.
   */
  readonly names: readonly string[];
  readonly #hosts: WebhookHosts;
  readonly #signatures: WebhookSignatures;
  readonly #resolve: Resolve | undefined;
  readonly #timeoutMs: number;
  readonly #slow = new SlowReceivers();

  /** @throws TypeError for a host or a secret that is not valid. */
  constructor({ hosts, secrets = [], resolve, timeoutMs = 5000, api = {} }: WebhooksOptions) {
    this.#hosts = new WebhookHosts(hosts);
    this.#signatures = new WebhookSignatures(secrets);
    const signedWith = secrets.length > 0 ? secrets : [''];
    this.names = signedWith.map((secret) => digestOf([hosts.toSorted(), api, secret]));
    this.#resolve = resolve;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether both send the same to the same hosts. */
  isLike({ names }: Webhooks): boolean {
    return names.join(' ') === this.names.join(' ');
  }

  /** Why nothing can ever be sent to an address; `undefined` for one where that shows when it is sent to. */
  refusalOf(url: string): string | undefined {
    const read = this.#hosts.read(url);
    return typeof read === 'string' ? read : undefined;
  }

  /** Sends a message once. The id is the same each time that it is sent. */
  async send(
    message: WebhookMessage,
    { id, signal }: { readonly id: string; readonly signal: AbortSignal },
  ): Promise<SendResult> {
    const url = this.#hosts.read(message.url);
    if (typeof url === 'string') return failed(url);
    const { host } = url;
    const { contactId } = message;
    const names = contactId === undefined ? [host] : [host, `contact ${contactId}`];
    if (!this.#slow.mayTry(names)) {
      const who = contactId === undefined ? host : `${host}, or another host of its contact,`;
      return failed(`${who} did not answer in time a moment ago`);
    }
    const late = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#sendTo(url, { ...message, id, limit: AbortSignal.any([signal, late]) });
    } finally {
      this.#slow.note(names, late.aborted);
    }
  }

  async #sendTo(url: URL, { id, body, headers, limit }: Sending): Promise<SendResult> {
    const addresses = await this.#addressesOf(url, limit);
    if (typeof addresses === 'string') return failed(addresses);
    const options: RequestOptions = {
      method: 'POST',
      signal: limit,
      lookup: pinnedTo(addresses),
      maxHeaderSize: MAX_ANSWER,
      headers: {
        'user-agent': `jims/${packageVersion()}`,
        ...headers,
        ...this.#signatures.headersOf(id, body),
        'content-length': Buffer.byteLength(body),
      },
    };
    // An agent of its own uses no proxy of the environment, and keeps no connection.
    const request =
      url.protocol === 'https:'
        ? https.request(url, { ...options, agent: new https.Agent({ keepAlive: false }) })
        : http.request(url, { ...options, agent: new http.Agent({ keepAlive: false }) });
    request.end(body);
    return resultOf(request, url.hostname);
  }

  /** The addresses to connect to; a string says why there are none. */
  async #addressesOf(url: URL, limit: AbortSignal): Promise<readonly HostAddress[] | string> {
    const { hostname } = url;
    const literal = literalOf(hostname);
    const found = literal === undefined ? await this.#find(url, limit) : [addressOf(literal)];
    if (typeof found === 'string') return found;
    const isAllowed =
      this.#hosts.isNamed(url) || found.every(({ address }) => isPublicAddress(address));
    return isAllowed ? found : `An address of ${hostname} is not on the public internet`;
  }

  async #find(url: URL, limit: AbortSignal): Promise<readonly HostAddress[] | string> {
    const { hostname } = url;
    const resolve = this.#resolve ?? (this.#hosts.isNamed(url) ? lookUp : askNameServers);
    const aborted = Promise.withResolvers<string>();
    const abort = (): void => aborted.resolve(`The name ${hostname} was not found in time`);
    if (limit.aborted) abort();
    limit.addEventListener('abort', abort, { once: true });
    const notFound = (error: unknown): string =>
      `The name ${hostname} was not found: ${codeOf(error) ?? 'no answer'}`;
    const found = await Promise.race([resolve(hostname).catch(notFound), aborted.promise]);
    limit.removeEventListener('abort', abort);
    return found.length > 0 ? found : `The name ${hostname} has no address`;
  }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

function lookUp(hostname: string): Promise<readonly HostAddress[]> {
  return lookup(hostname, { all: true });
}

/**
 * For names that clients choose. The system looks up two names at a time for the whole process, models and
 * databases among them, which would wait for a name server that never answers.
 */
async function askNameServers(hostname: string): Promise<readonly HostAddress[]> {
  const resolver = new Resolver(DNS_OPTIONS);
  const [v4, v6] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ]);
  if (v4.status === 'fulfilled' || v6.status === 'fulfilled') {
    return [v4, v6].flatMap((each) =>
      each.status === 'fulfilled' ? each.value.map(addressOf) : [],
    );
  }
  throw v4.reason;
}

function addressOf(address: string): HostAddress {
  return { address, family: address.includes(':') ? 6 : 4 };
}

/** Gives the addresses that were checked, so that nothing else is looked up. */
function pinnedTo(addresses: readonly HostAddress[]): LookupFunction {
  return (_, { all }, callback) => {
    const [first] = addresses;
    if (all === true || !first) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

/** Resolves when the connection is closed. */
function resultOf(request: ClientRequest, hostname: string): Promise<SendResult> {
  return new Promise((resolve) => {
    let result = failed(`${hostname} closed the connection`);
    let isAnswered = false;
    let bytes = 0;
    request.on('response', (answer) => {
      isAnswered = true;
      result = resultOfStatus(answer.statusCode ?? 0, hostname);
      answer.on('error', () => {});
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > MAX_ANSWER) answer.destroy();
      });
    });
    request.on('error', (error) => {
      if (!isAnswered) result = failed(reasonOf(error, hostname));
    });
    request.on('close', () => resolve(result));
  });
}

function resultOfStatus(status: number, hostname: string): SendResult {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const isRedirect = status >= 300 && status < 400;
  const reason = `${hostname} answered with ${status}${isRedirect ? ': redirects are not followed' : ''}`;
  return status === GONE ? { kind: 'failed', reason, isFinal: true } : failed(reason);
}

function reasonOf(error: Error, hostname: string): string {
  const isLate = error.name === 'AbortError' || error.name === 'TimeoutError';
  if (isLate) return `${hostname} did not answer in time`;
  return `Cannot send to ${hostname}: ${codeOf(error) ?? error.name}`;
}

/** The code of an error: its message may hold more than people should read. */
function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function failed(reason: string): SendResult {
  return { kind: 'failed', reason };
}
