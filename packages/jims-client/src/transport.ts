import { JimsApiError } from './errors.ts';
import { LONG_MS, endOf, guarded, textOf } from './open-answer.ts';
import type { OpenAnswer } from './open-answer.ts';
import { pause } from './pause.ts';

/** What sends a request. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where the service is, and who calls it. */
export interface JimsClientOptions {
  /** The service, such as `https://chat.example`; a path is kept. In a page the default is its own origin. */
  readonly url?: string;
  /**
   * A token, or what gets one. It is called again when the service does not take the token any more, once for all
   * requests of that moment. When the new token is refused, too, they fail, and the next request gets another one.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** The contact, for services that do not know it by the token. */
  readonly contactId?: string;
  /** Default: the one of the runtime. React Native streams with the one of `expo/fetch`. */
  readonly fetch?: Fetch;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream, or a request, without a byte for so many milliseconds is given up and tried again; 25,000. */
  readonly silenceMs?: number;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** A request to the service. */
export interface CallOptions {
  readonly method?: string;
  /** An object is sent as JSON. */
  readonly body?: object | Blob | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Members without a value are left out. */
  readonly query?: Query | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Makes what is sent twice happen once. */
  readonly key?: string | undefined;
  /** Instead of the client's `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** How often it is tried; 6. */
  readonly tries?: number | undefined;
  /** Called with `true` when it did not work and is tried again, with `false` when the service answers. */
  readonly onLine?: ((isLost: boolean) => void) | undefined;
}

const TRIES = 6;
const SILENCE_MS = 25_000;
const CODES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  404: 'not_found',
  422: 'invalid_request',
};

/** Sends requests to the service, with the token of the caller. */
export class Transport {
  readonly options: JimsClientOptions;
  /** One call for all requests that begin together. */
  #token: Promise<string | undefined> | undefined;
  /** Whether a token was refused, and none was taken since. */
  #isRefused = false;

  constructor(options: JimsClientOptions) {
    this.options = options;
  }

  /** The address of a path, with the parameters that have a value. */
  address(path: string, query: Query = {}): string {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}=${encodeURIComponent(value)}`,
    );
    const { url = '' } = this.options;
    return url.replace(/\/+$/, '') + path + (given.length > 0 ? '?' : '') + given.join('&');
  }

  /** One try: resolves when the head of a good answer is there. @throws JimsApiError */
  async open(path: string, options: CallOptions, isAgain = false): Promise<OpenAnswer> {
    const { token } = this.options;
    const current = (this.#token ??= (async () =>
      typeof token === 'function' ? token() : token)());
    current.catch(() => {
      this.#token = undefined;
    });
    const value = await current;
    try {
      const answer = await this.#opened(path, options, value);
      this.#isRefused = false;
      return answer;
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      if (error.status !== 401 || typeof token !== 'function') throw error;
      // The requests of one moment get one new token. When it is refused, too, the next request gets another one.
      if (this.#token === current) this.#token = undefined;
      const isLast = isAgain || (this.#isRefused && this.#token === undefined);
      this.#isRefused = true;
      if (isLast) throw error;
      return this.open(path, options, true);
    }
  }

  async #opened(
    path: string,
    options: CallOptions,
    token: string | undefined,
  ): Promise<OpenAnswer> {
    const { silenceMs = SILENCE_MS } = this.options;
    const guard = guarded(options.body instanceof Blob ? LONG_MS : silenceMs, options.signal);
    const { signal, end } = guard;
    try {
      signal.throwIfAborted();
      const sent = this.#send(path, { ...options, signal }, token);
      const response = await Promise.race([sent, endOf(signal)]);
      const answer = { response, ...guard };
      if (!response.ok) throw errorOf(response, await textOf(answer));
      options.onLine?.(false);
      return answer;
    } catch (error) {
      end();
      throw error;
    }
  }

  #send(
    path: string,
    {
      body,
      method = body ? 'POST' : 'GET',
      query,
      key,
      signal,
      headers,
      fetch: send = this.options.fetch ?? fetch,
    }: CallOptions & { readonly signal: AbortSignal },
    token: string | undefined,
  ): Promise<Response> {
    // A file brings its own type.
    const isFile = body instanceof Blob;
    return send(this.address(path, query), {
      method,
      headers: {
        ...this.options.headers,
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && !isFile && { 'content-type': 'application/json' }),
        ...(key && { 'idempotency-key': key }),
        ...headers,
      },
      body: isFile ? body : JSON.stringify(body),
      signal,
      cache: 'no-store',
    });
  }

  /** Tries until there is a whole answer, or a reason that stays. @throws JimsApiError */
  json<T>(path: string, options: CallOptions = {}): Promise<T> {
    return retried(options, async () => {
      const answer = await this.open(path, options);
      const text = await textOf(answer);
      const { status, headers } = answer.response;
      const isText = status === 204 || headers.get('content-type')?.startsWith('text/plain');
      return isText ? text : JSON.parse(text);
    });
  }
}

/** Tries until it works, or there is a reason that stays. @throws JimsApiError */
export async function retried<T>(call: CallOptions, run: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await run();
    } catch (thrown) {
      await nextTry(thrown, failures, call);
    }
  }
}

/** Waits before the next try, after so many failures in a row. @throws JimsApiError when it was the last try. */
export async function nextTry(
  thrown: unknown,
  failures: number,
  { signal, tries = TRIES, onLine }: CallOptions,
): Promise<void> {
  const error = asJimsApiError(thrown);
  if (failures + 1 >= tries || !isTransient(error)) throw error;
  onLine?.(true);
  await pause(failures, signal, error.retryAfter);
}

/** Whether the same request may work later. Without a status there was no answer, or it is not of the service. */
function isTransient({ code, status = 503 }: JimsApiError): boolean {
  return (
    status === 408 || status === 429 || (status > 501 && code !== 'aborted' && code !== 'deadline')
  );
}

/** Where an answer of something between has other types, they are in the error. */
interface ErrorBody {
  readonly detail?: string | { readonly loc: unknown; readonly msg: string }[];
  readonly code?: string;
}

function errorOf({ status, headers }: Response, text: string): JimsApiError {
  let body: ErrorBody | undefined;
  try {
    body = JSON.parse(text);
  } catch {}
  const { detail = `HTTP ${status}`, code = CODES[status] ?? `http_${status}` } = body ?? {};
  // A sentence, or a list of what is wrong with a request.
  const message = Array.isArray(detail)
    ? detail.map(({ loc, msg }) => [loc, msg].join(': ')).join('; ')
    : detail;
  return new JimsApiError(message, {
    code,
    status,
    requestId: headers.get('x-request-id') ?? undefined,
    retryAfter: Number(headers.get('retry-after')) || undefined,
  });
}

/** Why a request failed: it was given up, what came is not the service's, or nothing came. */
export function asJimsApiError(cause: unknown): JimsApiError {
  if (cause instanceof JimsApiError) return cause;
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  const codes: Readonly<Record<string, string>> = {
    AbortError: 'aborted',
    SyntaxError: 'invalid_answer',
  };
  return new JimsApiError(message, { code: codes[name] ?? 'network', cause });
}
