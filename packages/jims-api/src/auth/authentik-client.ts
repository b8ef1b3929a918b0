import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  Agent as HttpAgent,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { readJsonObject } from './identity-server.ts';
import type { Claims } from './principals.ts';

const REQUESTS_AT_ONCE = 32;
const ANSWER_BYTES = 64 * 1024;
/** Shorter than what servers and their proxies allow, so that a kept connection is still open. */
const IDLE_MS = 4000;

/**
 * Sends a request to Authentik with the token of a caller. Gives `undefined` when Authentik refuses the
 * token; rejects with an Error when the answer says nothing about the token.
 */
export type AuthentikClient = (
  path: string,
  token: string,
  signal: AbortSignal,
) => Promise<Claims | undefined>;

/**
 * Makes the only client that sends tokens out of this process. It uses `node:http`, as the environment can
 * make `fetch` send them through a proxy, and follows no redirect.
 *
 * @throws TypeError for a URL that cannot be used.
 */
export function createAuthentikClient(url: string): AuthentikClient {
  const base = checkBaseUrl(url);
  const secure = base.startsWith('https:');
  const pool = { keepAlive: true, maxSockets: REQUESTS_AT_ONCE, timeout: IDLE_MS };
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  const request: (url: URL, options: RequestOptions) => ClientRequest = secure
    ? httpsRequest
    : httpRequest;
  return async (path, token, signal) => {
    const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
    return answer(await send(request(new URL(base + path), { agent, signal, headers })));
  };
}

function checkBaseUrl(url: string): string {
  const base = URL.parse(url);
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new TypeError(`The Authentik URL must begin with http:// or https://, got "${url}"`);
  }
  if (base.username || base.password || base.search || base.hash) {
    throw new TypeError('The Authentik URL must have no user, password, query or fragment');
  }
  return base.origin + base.pathname.replace(/\/+$/, '');
}

function send(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // The listener must outlive the head of the answer: a later error without one would end the process.
    request.on('error', reject).on('response', resolve).end();
  });
}

async function answer(response: IncomingMessage): Promise<Claims | undefined> {
  const status = response.statusCode ?? 0;
  if (status === 200) return readJsonObject(response as AsyncIterable<Buffer>, ANSWER_BYTES);
  response.resume();
  // Too many requests, or a failing server: that says nothing about the token.
  if (status === 429 || status >= 500) throw new Error(`it answered ${status}`);
  return undefined;
}
