import { JimsApiError } from './errors.ts';
import { aborted, pause } from './pause.ts';

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
  readonly key?: string;
  /** Instead of the client's `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** How often it is tried; 6. */
  readonly tries?: number | undefined;
  /** It did not work, and is tried again. */
  readonly onLost?: ((error: JimsApiError) => void) | undefined;
}

const TRIES = 6;
const SILENCE_MS = 25_000;
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
  readonly silenceMs: number;
  #token: Promise<string | undefined> | undefined;

  constructor(options: JimsClientOptions) {
    this.options = options;
    this.silenceMs = options.silenceMs ?? SILENCE_MS;
  }

  /** The address of a path, with the parameters that have a value. */
  address(path: string, query: Query = {}): string {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}=${encodeURIComponent(value)}`,
    );
    const base = (this.options.url ?? '').replace(/\/+$/, '') + path;
    return given.length > 0 ? `${base}?${given.join('&')}` : base;
  }

  /** The address of the bytes of a file. */
  fileAddress(fileId: string): string {
    return this.address(`/api/v1/files/${fileId}`);
  }

  /** One try: resolves when the head of a good answer is there. @throws JimsApiError */
  async open(path: string, options: CallOptions, isAgain = false): Promise<Response> {
    const { token, headers, fetch: own = fetch } = this.options;
    const { method, body, query, signal, key, fetch: send = own } = options;
    // One call for all requests that begin together.
    const used = (this.#token ??= (async () => (typeof token === 'function' ? token() : token))());
    const forget = (): void => {
      if (this.#token === used) this.#token = undefined;
    };
    let response: Response;
    try {
      const value = await used;
      const isFile = body instanceof Blob;
      // Not as a method: browsers want it called without an object.
      response = await send(this.address(path, query), {
        method: method ?? (body ? 'POST' : 'GET'),
        headers: {
          ...headers,
          ...(value && { authorization: `Bearer ${value}` }),
          ...(body && !isFile && { 'content-type': 'application/json' }),
          ...(key && { 'idempotency-key': key }),
          ...options.headers,
        },
        ...(body && { body: isFile ? body : JSON.stringify(body) }),
        ...(signal && { signal }),
        cache: 'no-store',
      });
    } catch (cause) {
      used.catch(forget);
      throw signal?.aborted ? aborted() : asJimsApiError(cause);
    }
    if (response.ok) return response;
    if (response.status !== 401 || typeof token !== 'function' || isAgain) {
      throw await errorOf(response);
    }
    forget();
    return this.open(path, options, true);
  }

  /** Tries until there is a whole answer, or a reason that stays. @throws JimsApiError */
  json<T>(path: string, options: CallOptions = {}): Promise<T> {
    return retried(options, async () => {
      const ms = options.body instanceof Blob ? UPLOAD_MS : this.silenceMs;
      const guard = guarded(ms, options.signal);
      try {
        const response = await this.open(path, { ...options, signal: guard.signal });
        const text = await response.text();
        const { status, headers } = response;
        const isText = headers.get('content-type')?.startsWith('text/plain');
        return status === 204 || isText ? (text as T) : JSON.parse(text);
      } catch (error) {
        // JSON that the network has cut, or a page of a proxy.
        if (error instanceof SyntaxError) throw notOfService(error);
        throw guard.reason(error);
      } finally {
        guard.end();
      }
    });
  }
}

/** Tries until it works, or there is a reason that stays. @throws JimsApiError */
export async function retried<T>(
  { signal, tries = TRIES, onLost }: CallOptions,
  run: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await run();
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      if (signal?.aborted || count >= tries || !isTransient(error)) throw error;
      onLost?.(error);
      await pause(count, signal, error);
    }
  }
}

/** Whether the same request may work later. */
export function isTransient({ code, status = 0 }: JimsApiError): boolean {
  const isFault = code === 'network' || code === 'invalid_answer';
  return isFault || status === 408 || status === 429 || (status > 501 && !FINAL.test(code));
}

/** Gives up what is silent for too long. */
export interface Guard {
  readonly signal: AbortSignal;
  /** Whether something must come from now on. */
  readonly watch: (isWatched: boolean) => void;
  /** Why it was really given up. */
  readonly reason: (error: unknown) => JimsApiError;
  /** Ends the request with what is left of it. */
  readonly end: () => void;
}

export function guarded(ms: number, outer: AbortSignal | undefined): Guard {
  const inner = new AbortController();
  const { signal } = inner;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isSilent = false;
  const end = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
    inner.abort();
  };
  const watch = (isWatched: boolean): void => {
    clearTimeout(timer);
    if (!isWatched) return;
    timer = setTimeout(() => {
      isSilent = true;
      end();
    }, ms);
  };
  const reason = (error: unknown): JimsApiError =>
    isSilent ? networkError('The service is silent', error) : asJimsApiError(error);
  watch(true);
  outer?.addEventListener('abort', end);
  if (outer?.aborted) end();
  return { signal, watch, reason, end };
}

async function errorOf(response: Response): Promise<JimsApiError> {
  const { status, headers } = response;
  let body: { readonly detail?: unknown; readonly code?: unknown } | undefined;
  try {
    body = JSON.parse(await response.text());
  } catch {}
  const { detail = `HTTP ${status}`, code = CODES[status] ?? `http_${status}` } = body ?? {};
  // A sentence, or a list of what is wrong with a request.
  const message = Array.isArray(detail)
    ? detail.map(({ loc, msg }) => `${loc}: ${msg}`).join('; ')
    : `${detail}`;
  return new JimsApiError(message, {
    code: `${code}`,
    status,
    requestId: headers.get('x-request-id') ?? undefined,
    retryAfter: Number(headers.get('retry-after')) || undefined,
  });
}

function networkError(message: string, cause: unknown): JimsApiError {
  return new JimsApiError(message, { code: 'network', cause });
}

export function notOfService(cause?: unknown): JimsApiError {
  return new JimsApiError('This is not an answer of the service', { code: 'invalid_answer', cause });
}

export function asJimsApiError(error: unknown): JimsApiError {
  if (error instanceof JimsApiError) return error;
  return networkError('The service cannot be reached', error);
}
