import { JimsApiError } from './errors.ts';
import { pause } from './pause.ts';

/** What sends a request. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where the service is, and who calls it. */
export interface JimsClientOptions {
  /** The service, such as `https://chat.example`; a path is kept. In a page the default is its own origin. */
  readonly url?: string;
  /** A token, or what gets one. It is called again when the service does not take the token any more. */
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
  readonly body?: object | Blob;
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
const BYTES = 'application/octet-stream';
/** A file may be on its way for long, and nobody says how far it is. */
const UPLOAD_MS = 600_000;

/** No later time changes them. */
const FINAL = /^(?:deadline|recovery_off)$/;
const CODES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  404: 'not_found',
  422: 'invalid_request',
};

/** Sends requests to the service, with the token of the caller. */
export class Transport {
  readonly options: JimsClientOptions;
  #token: Promise<string | undefined> | undefined;

  constructor(options: JimsClientOptions) {
    this.options = options;
  }

  /** The address of a path, with the parameters that have a value. */
  address(path: string, query: Query = {}): string {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}=${encodeURIComponent(value)}`,
    );
    const base = (this.options.url ?? '').replace(/\/+$/, '') + path;
    return given.length > 0 ? `${base}?${given.join('&')}` : base;
  }

  /** One try: resolves when the head of a good answer is there. @throws JimsApiError */
  async open(path: string, options: CallOptions, isAgain = false): Promise<OpenAnswer> {
    const { token } = this.options;
    // One call for all requests that begin together.
    const used = (this.#token ??= (async () => (typeof token === 'function' ? token() : token))());
    try {
      return await this.#opened(path, options, used);
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      const { status = 401 } = error;
      if (status === 401 && this.#token === used) this.#token = undefined;
      if (error.status !== 401 || typeof token !== 'function' || isAgain) throw error;
      return this.open(path, options, true);
    }
  }

  async #opened(
    path: string,
    options: CallOptions,
    token: Promise<string | undefined>,
  ): Promise<OpenAnswer> {
    const { silenceMs = SILENCE_MS } = this.options;
    const guard = guarded(options.body instanceof Blob ? UPLOAD_MS : silenceMs, options.signal);
    const { signal, end } = guard;
    try {
      const used = await token;
      signal.throwIfAborted();
      const sent = this.#send(path, { ...options, signal }, used);
      const response = await Promise.race([sent, endOf(signal)]);
      if (!response.ok) throw errorOf(response, await textOf({ response, ...guard }));
      options.onLine?.(false);
      return { response, ...guard };
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
    const isFile = body instanceof Blob;
    return send(this.address(path, query), {
      method,
      headers: {
        ...this.options.headers,
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': isFile ? body.type || BYTES : 'application/json' }),
        ...(key && { 'idempotency-key': key }),
        ...headers,
      },
      ...(body && { body: isFile ? body : JSON.stringify(body) }),
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

/** An answer whose head is there. It is given up when it is silent for too long. */
export interface OpenAnswer extends Guard {
  readonly response: Response;
}

/** Tries until it works, or there is a reason that stays. @throws JimsApiError */
export async function retried<T>(
  { signal, tries = TRIES, onLine }: CallOptions,
  run: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await run();
    } catch (thrown) {
      await nextTry(thrown, { count, tries, signal, onLine });
    }
  }
}

/** How a request has gone so far. */
interface Tries extends Pick<CallOptions, 'signal' | 'tries' | 'onLine'> {
  readonly count: number;
}

/** Waits before the next try. @throws JimsApiError when there is none. */
export async function nextTry(
  thrown: unknown,
  { count, tries = Infinity, signal, onLine }: Tries,
): Promise<void> {
  const error = asJimsApiError(thrown);
  if (count >= tries || !isTransient(error)) throw error;
  onLine?.(true);
  await pause(count, signal, (error.retryAfter ?? 0) * 1000);
}

/** Whether the same request may work later. */
function isTransient({ code, status = 0 }: JimsApiError): boolean {
  if (code === 'network' || code === 'invalid_answer') return true;
  return status === 408 || status === 429 || (status > 501 && !FINAL.test(code));
}

/** Gives up what is silent for too long. */
interface Guard {
  /** Its reason says why it was really given up. */
  readonly signal: AbortSignal;
  /** Whether something must come from now on. */
  readonly watch: (isWatched: boolean) => void;
  /** Ends the request with what is left of it. */
  readonly end: () => void;
}

function guarded(ms: number, outer: AbortSignal | undefined): Guard {
  const inner = new AbortController();
  const { signal } = inner;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const giveUp = (reason?: Error): void => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
    inner.abort(reason);
  };
  const end = (): void => giveUp();
  const watch = (isWatched: boolean): void => {
    clearTimeout(timer);
    if (isWatched) timer = setTimeout(giveUp, ms, new Error('The service is silent'));
  };
  watch(true);
  outer?.addEventListener('abort', end);
  if (outer?.aborted) end();
  return { signal, watch, end };
}

/** Rejects when a request is given up: `fetch` of Node may forget its signal when memory is cleaned up. */
function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

/** What a connection brings, until it ends. @throws JimsApiError */
export async function* piecesOf({
  response,
  signal,
  watch,
  end,
}: OpenAnswer): AsyncGenerator<string> {
  try {
    // React Native's own fetch has no streams: it gives all of it at the end.
    if (!response.body) return yield await response.text();
    const reader = response.body.getReader();
    signal.addEventListener('abort', () => void reader.cancel().catch(() => {}));
    const decoder = new TextDecoder();
    watch(true);
    for (let read; !(read = await reader.read()).done; watch(true)) {
      watch(false);
      yield decoder.decode(read.value, { stream: true });
    }
    signal.throwIfAborted();
  } catch (error) {
    throw asJimsApiError(signal.aborted ? signal.reason : error);
  } finally {
    end();
  }
}

async function textOf(answer: OpenAnswer): Promise<string> {
  let text = '';
  for await (const piece of piecesOf(answer)) text += piece;
  return text;
}

function errorOf({ status, headers }: Response, text: string): JimsApiError {
  let body: { readonly detail?: unknown; readonly code?: unknown } | undefined;
  try {
    body = JSON.parse(text);
  } catch {}
  const { detail = `HTTP ${status}`, code = CODES[status] ?? `http_${status}` } = body ?? {};
  // A sentence, or a list of what is wrong with a request.
  const message = Array.isArray(detail)
    ? detail.map(({ loc, msg }) => `${loc}: ${msg}`).join('; ')
    : String(detail);
  return new JimsApiError(message, {
    code: String(code),
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
