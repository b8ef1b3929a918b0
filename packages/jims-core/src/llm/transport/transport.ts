import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

import { JimsError } from '../../errors/jims-error.ts';
import { firstVariable } from '../environment.ts';
import type { Environment, NamedValue } from '../environment.ts';
import { readAsStream } from './answer-body.ts';
import { exchanges } from './exchange.ts';

/** Sends a request. It has the form of `fetch`, which providers' packages take. */
export type Transport = typeof globalThis.fetch;

/** The connection could not be made, or broke before an answer came. */
class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const KEEP_ALIVE_MS = 30_000;
/** Most servers close idle connections after 5 seconds, also while a request is on its way to them. */
const IDLE_MS = 4000;
const MAX_REDIRECTS = 5;
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

const transports = new WeakMap<Environment, Transport>();

/**
 * The transport that uses the proxies of an environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
 * `NO_PROXY`, in capitals or not.
 *
 * @throws JimsError `llm_unusable` for a proxy that is not an HTTP proxy.
 */
export function transportFor(env: Environment): Transport {
  const made = transports.get(env) ?? createTransport(env);
  transports.set(env, made);
  return made;
}

/**
 * Made of `node:http`, as Node's own fetch gives up when nothing arrives for five minutes, and does
 * not read the variables of proxies.
 */
function createTransport(env: Environment): Transport {
  const { proxyEnv, proxyFor } = proxiesOf(env);
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS, proxyEnv });
  // With a proxy the timeout would also end a tunnel that takes longer to open.
  const idle = proxyEnv['HTTPS_PROXY'] === undefined && { timeout: IDLE_MS };
  const secureAgent = new SecureAgent({ keepAlive: true, ...idle, proxyEnv });

  function open(
    url: URL,
    { method, headers, body, signal }: OutgoingRequest,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { method, headers, ...(signal && { signal }) };
    const sent =
      url.protocol === 'https:'
        ? secureRequest(url, { ...options, agent: secureAgent })
        : request(url, { ...options, agent });
    sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
    sent.once('response', resolve);
    sent.on('error', (error) => {
      reject(signal?.aborted ? signal.reason : connectionError(error, proxyFor(url)));
    });
    sent.end(body);
    return promise;
  }

  return async (input, init = {}) => {
    const exchange = exchanges.getStore();
    const outgoing = await outgoingRequest(init);
    let url = new URL(input instanceof Request ? input.url : input);
    let message = await open(url, outgoing);
    for (let hops = 0; hops < MAX_REDIRECTS; hops++) {
      const next = redirection(message, url);
      if (!next) break;
      message.resume();
      url = next;
      message = await open(url, outgoing);
    }
    const status = message.statusCode ?? 0;
    if (status < 200 || status > 599) {
      message.destroy();
      throw new ConnectionError(`answered ${status}, which is not an HTTP status`, '', undefined);
    }
    if (BODILESS.has(status)) message.resume();
    const body = BODILESS.has(status) ? null : await readAsStream(message, exchange);
    return new Response(body, {
      status,
      statusText: statusTextOf(message),
      headers: headersOf(message),
    });
  };
}

interface OutgoingRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
}

async function outgoingRequest(init: RequestInit): Promise<OutgoingRequest> {
  const { method, headers, body, signal } = init;
  return {
    method: method ?? 'GET',
    headers: { 'accept-encoding': 'identity', ...plainHeaders(headers) },
    body: typeof body === 'string' ? wellFormed(body) : await bytesOf(body),
    signal: signal ?? undefined,
  };
}

/**
 * JSON without half characters, which a string has that was cut in the middle of an emoji: most servers refuse them. Of
 * the halves of characters JSON escapes only those that stand alone.
 */
function wellFormed(json: string): string {
  if (!json.includes(String.raw`\ud`)) return json;
  return json.replaceAll(/(?<!\\)((?:\\\\)*)\\ud[89a-f][\da-f]{2}/g, '$1\uFFFD');
}

async function bytesOf(body: RequestInit['body']): Promise<Uint8Array | undefined> {
  if (body === undefined || body === null) return undefined;
  return new Uint8Array(await new Response(body).arrayBuffer());
}

/** The error of `Headers` would quote the value, which may be a key. */
function plainHeaders(headers: RequestInit['headers']): Record<string, string> {
  try {
    return Object.fromEntries(new Headers(headers));
  } catch {
    throw new Error('A header contains a character that cannot be sent');
  }
}

/** Follows only redirections that repeat the request, and only to the same host, as it carries a key. */
function redirection({ statusCode, headers }: IncomingMessage, from: URL): URL | undefined {
  if (statusCode !== 307 && statusCode !== 308) return undefined;
  const to = URL.parse(headers.location ?? '', from.href);
  const secure = to?.protocol === from.protocol || to?.protocol === 'https:';
  return to && secure && to.hostname === from.hostname ? to : undefined;
}

function connectionError(error: Error, proxy: string | undefined): ConnectionError {
  const { message, code } = reasonOf(error);
  const route = proxy === undefined ? '' : ` (through the proxy of ${proxy})`;
  return new ConnectionError(message + route, code, error);
}

/** For a host with several addresses Node gives one error without a message. */
function reasonOf(error: Error): { readonly message: string; readonly code: string } {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const clearer = error.message === '' && Error.isError(first) ? first : error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { message: clearer.message || code || 'the connection failed', code };
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  }
  return headers;
}

function statusTextOf({ statusMessage = '' }: IncomingMessage): string {
  return /^[\t\u0020-\u007E\u0080-\u00FF]*$/.test(statusMessage) ? statusMessage : '';
}

interface Proxies {
  /** In the form that Node's agents take. */
  readonly proxyEnv: Readonly<Record<string, string>>;
  /** The variable that names the proxy for an address. */
  readonly proxyFor: (url: URL) => string | undefined;
}

function proxiesOf(env: Environment): Proxies {
  const secure = proxyIn(env, 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY');
  const plain = proxyIn(env, 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY');
  const direct = firstVariable(env, 'no_proxy', 'NO_PROXY');
  return {
    proxyEnv: {
      ...(secure && { HTTPS_PROXY: secure.value }),
      ...(plain && { HTTP_PROXY: plain.value }),
      ...(direct && { NO_PROXY: direct.value }),
    },
    proxyFor: ({ protocol }) => (protocol === 'https:' ? secure : plain)?.name,
  };
}

/** The address of a proxy, and its variable. */
function proxyIn(env: Environment, ...variables: readonly string[]): NamedValue | undefined {
  const proxy = firstVariable(env, ...variables);
  if (!proxy) return undefined;
  const { name, value } = proxy;
  const address = value.includes('://') ? value : `http://${value}`;
  const { protocol } = URL.parse(address) ?? { protocol: '' };
  if (protocol === 'http:' || protocol === 'https:') return { name, value: address };
  const reason = `${name} is not the address of an HTTP proxy: write it as http://host:port`;
  throw new JimsError('llm_unusable', reason);
}
