import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

import { readAsStream } from './answer-body.ts';
import type { Environment } from './environment.ts';
import { exchanges } from './exchange.ts';
import { proxiesOf } from './proxies.ts';

/** Sends a request; of the shape of `fetch`, as the packages of providers take one. */
export type Transport = typeof globalThis.fetch;

/** No answer came, as the connection could not be made or broke. */
class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const KEEP_ALIVE_MS = 30_000;
/** Connections are given up before servers close them, most after 5 seconds: a request may be on its way then. */
const IDLE_MS = 4000;
const MOST_REDIRECTS = 5;
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

const transports = new WeakMap<Environment, Transport>();

/** The transport that goes by the proxies of an environment. */
export function transportFor(env: Environment): Transport {
  const made = transports.get(env) ?? createTransport(env);
  transports.set(env, made);
  return made;
}

/**
 * Node's own fetch gives up when nothing comes for five minutes, whatever the call's limit, and does
 * not read the variables of proxies. So this one is made of `node:http`, which has no limit of its own.
 */
function createTransport(env: Environment): Transport {
  const { proxyEnv, byProxy } = proxiesOf(env);
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS, proxyEnv });
  // Through a proxy the time would also limit how long its tunnel may take to open.
  const idle = proxyEnv['HTTPS_PROXY'] === undefined && { timeout: IDLE_MS };
  const secureAgent = new SecureAgent({ keepAlive: true, ...idle, proxyEnv });

  function open(url: URL, { method, headers, body, signal }: Sent): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { method, headers, ...(signal && { signal }) };
    const sent =
      url.protocol === 'https:'
        ? secureRequest(url, { ...options, agent: secureAgent })
        : request(url, { ...options, agent });
    sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
    sent.once('response', resolve);
    sent.on('error', (error) => {
      reject(signal?.aborted ? signal.reason : connectionError(error, byProxy(url)));
    });
    sent.end(body);
    return promise;
  }

  return async (input, init = {}) => {
    const exchange = exchanges.getStore();
    const sent = await sentOf(init);
    let url = new URL(input instanceof Request ? input.url : input);
    let message = await open(url, sent);
    for (let hops = 0; hops < MOST_REDIRECTS; hops++) {
      const next = redirection(message, url);
      if (!next) break;
      message.resume();
      url = next;
      message = await open(url, sent);
    }
    const status = message.statusCode ?? 0;
    if (status < 200 || status > 599) {
      message.destroy();
      throw new ConnectionError(`answered ${status}, which is no status of HTTP`, '', undefined);
    }
    if (WITHOUT_BODY.has(status)) message.resume();
    const body = WITHOUT_BODY.has(status) ? null : await readAsStream(message, exchange);
    return new Response(body, {
      status,
      statusText: phraseOf(message),
      headers: headersOf(message),
    });
  };
}

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
}

async function sentOf({ method, headers, body, signal }: RequestInit): Promise<Sent> {
  return {
    method: method ?? 'GET',
    headers: { 'accept-encoding': 'identity', ...plainHeaders(headers) },
    body: typeof body === 'string' ? body : await bytesOf(body),
    signal: signal ?? undefined,
  };
}

async function bytesOf(body: RequestInit['body']): Promise<Uint8Array | undefined> {
  if (body === undefined || body === null) return undefined;
  return new Uint8Array(await new Response(body).arrayBuffer());
}

/** The error of `Headers` quotes the value, which may be a key. */
function plainHeaders(headers: RequestInit['headers']): Record<string, string> {
  try {
    return Object.fromEntries(new Headers(headers));
  } catch {
    throw new Error('A header holds a character that cannot be sent');
  }
}

/** Only where the request stays what it is, and its key stays with the server that it is for. */
function redirection({ statusCode, headers }: IncomingMessage, from: URL): URL | undefined {
  if (statusCode !== 307 && statusCode !== 308) return undefined;
  const to = URL.parse(headers.location ?? '', from.href);
  const secure = to?.protocol === from.protocol || to?.protocol === 'https:';
  return to && secure && to.hostname === from.hostname ? to : undefined;
}

function connectionError(error: Error, proxy: string | undefined): ConnectionError {
  const { message, code } = reasonOf(error);
  const way = proxy === undefined ? '' : ` (through the proxy of ${proxy})`;
  return new ConnectionError(message + way, code, error);
}

/** A host with several addresses gives one error for all of them, without words of its own. */
function reasonOf(error: Error): { readonly message: string; readonly code: string } {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const spoken = error.message === '' && Error.isError(first) ? first : error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { message: spoken.message || code || 'the connection failed', code };
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  }
  return headers;
}

function phraseOf({ statusMessage = '' }: IncomingMessage): string {
  return /^[\t\u0020-\u007E\u0080-\u00FF]*$/.test(statusMessage) ? statusMessage : '';
}
