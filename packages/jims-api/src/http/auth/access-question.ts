import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  Agent as HttpAgent,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

const CHECKS_AT_ONCE = 32;
const ANSWER_BYTES = 64 * 1024;
/** Shorter than what servers and the proxies before them allow, so that a kept connection is a live one. */
const IDLE_MS = 4000;

export interface AccessQuestionOptions {
  /** Where Authentik is, a path prefix included. */
  readonly url: string;
  /** The application whose access is asked for. */
  readonly slug: string;
  /** For the whole question, waiting for a free connection included; 3000 by default. */
  readonly deadlineMs?: number;
}

/**
 * Asks Authentik whether the bearer of a token may use an application.
 * The answer rejects with an Error whenever it is neither a clear yes nor a clear no. Throws a TypeError
 * when url or slug cannot be used. `node:http` and not `fetch`, because `fetch` may be told by the
 * environment to send the token through a proxy.
 */
export function createAccessQuestion(
  options: AccessQuestionOptions,
): (token: string) => Promise<boolean> {
  const target = checkAccessUrl(options.url, options.slug);
  const secure = target.protocol === 'https:';
  const pool = { keepAlive: true, maxSockets: CHECKS_AT_ONCE, timeout: IDLE_MS };
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  const request: (url: URL, options: RequestOptions) => ClientRequest = secure
    ? httpsRequest
    : httpRequest;
  return async (token) => {
    const signal = AbortSignal.timeout(options.deadlineMs ?? 3000);
    const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
    return verdict(await send(request(target, { agent, signal, headers })));
  };
}

function checkAccessUrl(url: string, slug: string): URL {
  const base = URL.parse(url);
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new TypeError(`The Authentik URL must begin with http:// or https://, got "${url}"`);
  }
  if (base.username || base.password || base.search || base.hash) {
    throw new TypeError('The Authentik URL must hold no user, password, query or fragment');
  }
  // The names "." and ".." would climb out of the path: encodeURIComponent leaves them as they are.
  if (/^\.{0,2}$/.test(slug) || !slug.isWellFormed()) {
    throw new TypeError(`The Authentik application slug must be a name, got "${slug}"`);
  }
  const prefix = base.pathname.replace(/\/+$/, '');
  const path = `api/v3/core/applications/${encodeURIComponent(slug)}/check_access/`;
  return new URL(`${base.origin}${prefix}/${path}`);
}

function send(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // This listener outlives the answer's beginning: an error after it must not go unheard.
    request.on('error', reject).on('response', resolve).end();
  });
}

async function verdict(response: IncomingMessage): Promise<boolean> {
  const status = response.statusCode ?? 0;
  if (status === 200) return isPassing(await readText(response));
  response.resume();
  // Too many questions, or a server in trouble: that says nothing about the token.
  if (status === 429 || status >= 500) throw new Error(`it answered ${status}`);
  return false;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function isPassing(text: string): boolean {
  const answer = parseJson(text);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new Error('its answer is not a JSON object');
  }
  return 'passing' in answer && answer.passing === true;
}

/** `undefined` for broken JSON: the parser's own message would quote what a stranger sent. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
