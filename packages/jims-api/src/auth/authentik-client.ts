import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  Agent as HttpAgent,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import type { Claims } from './contact-claim.ts';
import { readJsonObject } from './json-answer.ts';

const QUESTIONS_AT_ONCE = 32;
const ANSWER_BYTES = 64 * 1024;
/** Shorter than what servers and the proxies before them allow, so that a kept connection is a live one. */
const IDLE_MS = 4000;

/**
 * Asks Authentik for a path with somebody's token. `undefined` means that Authentik does not serve this
 * token; rejects with an Error when its answer says nothing about the token.
 */
export type AuthentikClient = (
  path: string,
  token: string,
  signal: AbortSignal,
) => Promise<Claims | undefined>;

/**
 * Makes the one way by which tokens leave this process: `node:http` and not `fetch`, because `fetch` may
 * be told by the environment to send them through a proxy. Follows no redirect. Throws a TypeError when
 * the URL cannot be used.
 */
export function createAuthentikClient(url: string): AuthentikClient {
  const base = checkBaseUrl(url);
  const secure = base.startsWith('https:');
  const pool = { keepAlive: true, maxSockets: QUESTIONS_AT_ONCE, timeout: IDLE_MS };
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
    throw new TypeError('The Authentik URL must hold no user, password, query or fragment');
  }
  return base.origin + base.pathname.replace(/\/+$/, '');
}

function send(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // This listener outlives the answer's beginning: an error after it must not go unheard.
    request.on('error', reject).on('response', resolve).end();
  });
}

async function answer(response: IncomingMessage): Promise<Claims | undefined> {
  const status = response.statusCode ?? 0;
  if (status === 200) return readJsonObject(response as AsyncIterable<Buffer>, ANSWER_BYTES);
  response.resume();
  // Too many questions, or a server in trouble: that says nothing about the token.
  if (status === 429 || status >= 500) throw new Error(`it answered ${status}`);
  return undefined;
}
