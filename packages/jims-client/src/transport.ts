import { JimsApiError } from './errors.ts';
import { aborted, pause, pauseBefore } from './pause.ts';

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

/** A request to the service. */
export interface CallOptions {
  readonly method?: string;
  /** An object is sent as JSON. */
  readonly body?: object | Blob;
  readonly headers?: Readonly<Record<string, string>>;
  /** Members without a value are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Makes what is sent twice happen once. */
  readonly key?: string;
  /** Instead of the client's `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** How often it is tried; 6. */
  readonly tries?: number;
  /** It did not work, and is tried again. */
  readonly onLost?: (error: JimsApiError) => void;
}

/** How often an ordinary request is tried. */
const TRIES = 6;
const SILENCE_MS = 25_000;
/** A file may be on its way for long, and nobody says how far it is. */
const UPLOAD_MS = 600_000;

const TRANSIENT = new Set([408, 425, 429, 502, 503, 504]);
/** No later time changes them. */
const FINAL = new Set(['deadline', 'recovery_off', 'aborted']);
const CODES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  422: 'invalid_request',
};

/** Whether the same request may work later. */
export function isTransient({ code, status }: JimsApiError): boolean {
  if (FINAL.has(code)) return false;
  if (code === 'network' || TRANSIENT.has(status ?? 0)) return true;
  return code === 'invalid_answer' && !(status && status >= 400 && status < 500);
}

/** Sends requests to the service, with the token of the caller. */
export class Transport {
  readonly silenceMs: number;
  readonly #options: JimsClientOptions;
  readonly #base: string;
  #token: Promise<string | undefined> | undefined;

  constructor(options: JimsClientOptions) {
    this.#options = options;
    this.#base = (options.url ?? '').replace(/\/+$/, '');
    this.silenceMs = options.silenceMs ?? SILENCE_MS;
  }

  /** The address of a path, with the parameters that have a value. */
  address(path: string, query: CallOptions['query'] = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const text = given.map((pair) => pair.map((each) => encodeURIComponent(`${each}`)).join('='));
    return `${this.#base}${path}${text.length > 0 ? `?${text.join('&')}` : ''}`;
  }

  /** The address of the bytes of a file. */
  fileAddress(fileId: string): string {
    return this.address(`/api/v1/files/${fileId}`);
  }

  /** What to send with each request, the token included. */
  async headers(): Promise<Record<string, string>> {
    const { token, headers } = this.#options;
    // One call for all requests that begin together.
    this.#token ??= Promise.resolve(typeof token === 'function' ? token() : token);
    let value;
    try {
      value = await this.#token;
    } catch (cause) {
      this.#token = undefined;
      throw new JimsApiError('There is no token', { code: 'unauthorized', cause });
    }
    return { ...headers, ...(value && { authorization: `Bearer ${value}` }) };
  }

  /** Whether files are to be sent by the client's own `fetch`. */
  get hasOwnFetch(): boolean {
    return this.#options.fetch !== undefined;
  }

  /** Whether there may be a newer token than the one that was refused. */
  renewToken(): boolean {
    this.#token = undefined;
    return typeof this.#options.token === 'function';
  }

  /** One try: resolves when the head of a good answer is there. @throws JimsApiError */
  async open(path: string, options: CallOptions = {}): Promise<Response> {
    const response = await this.#send(path, options);
    if (response.status !== 401 || !this.renewToken()) return this.#good(response);
    return this.#good(await this.#send(path, options));
  }

  /** Tries until there is a whole answer, or a reason that stays. @throws JimsApiError */
  async json<T>(path: string, options: CallOptions = {}): Promise<T> {
    return retried(options, async () => {
      const ms = options.body instanceof Blob ? UPLOAD_MS : this.silenceMs;
      const watchdog = new Watchdog(ms, options.signal);
      try {
        const { signal } = watchdog;
        return await bodyOf<T>(await this.open(path, { ...options, signal }));
      } catch (error) {
        throw watchdog.reason(error);
      } finally {
        watchdog.end();
      }
    });
  }

  async #send(
    path: string,
    { method, body, headers, query, signal, key, ...call }: CallOptions,
  ): Promise<Response> {
    const isJson = body !== undefined && !(body instanceof Blob);
    const init: RequestInit = {
      method: method ?? (body ? 'POST' : 'GET'),
      headers: {
        ...(await this.headers()),
        ...(isJson && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...headers,
      },
      ...(body && { body: isJson ? JSON.stringify(body) : (body as Blob) }),
      ...(signal && { signal }),
      cache: 'no-store',
    };
    try {
      // Not as a method: browsers want it called without an object.
      const send = call.fetch ?? this.#options.fetch ?? fetch;
      return await send(this.address(path, query), init);
    } catch (cause) {
      throw signal?.aborted ? aborted() : networkError(cause);
    }
  }

  async #good(response: Response): Promise<Response> {
    if (response.ok) return response;
    throw await errorOf(response);
  }
}

/** Tries until it works, or there is a reason that stays. @throws JimsApiError */
export async function retried<T>(
  { signal, tries = TRIES, onLost }: Pick<CallOptions, 'signal' | 'tries' | 'onLost'>,
  run: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await run();
    } catch (thrown) {
      const error = asJimsApiError(thrown);
      if (signal?.aborted || count >= tries || !isTransient(error)) throw error;
      onLost?.(error);
      await pause(pauseBefore(count, error), signal);
    }
  }
}

/** Gives up what is silent for too long. */
export class Watchdog {
  readonly #ms: number;
  readonly #inner = new AbortController();
  readonly #outer: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSilent = false;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#ms = ms;
    this.#outer = outer;
    if (outer?.aborted) this.#stop();
    outer?.addEventListener('abort', this.#stop);
    this.watch();
  }

  get signal(): AbortSignal {
    return this.#inner.signal;
  }

  /** Something must come from now on. */
  watch(): void {
    this.rest();
    this.#timer = setTimeout(() => {
      this.#isSilent = true;
      this.#stop();
    }, this.#ms);
  }

  /** Nothing is waited for. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.rest();
    this.#outer?.removeEventListener('abort', this.#stop);
  }

  /** Why it was really given up. */
  reason(error: unknown): unknown {
    return this.#isSilent ? networkError(error, 'The service is silent') : error;
  }

  readonly #stop = (): void => this.#inner.abort();
}

/** The body of an answer: JSON, or text that says so, or nothing. */
async function bodyOf<T>(response: Response): Promise<T> {
  const type = response.headers.get('content-type') ?? '';
  const text = await response.text();
  if (response.status === 204 || type.startsWith('text/plain')) return text as T;
  return parsed<T>(text, response);
}

function parsed<T>(text: string, { status }: Response): T {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new JimsApiError(`The answer is not the service's (HTTP ${status})`, {
      code: 'invalid_answer',
      status,
      cause,
    });
  }
}

async function errorOf(response: Response): Promise<JimsApiError> {
  const { status, headers } = response;
  const text = await response.text().catch(() => '');
  const requestId = headers.get('x-request-id') ?? undefined;
  const seconds = Number(headers.get('retry-after') ?? NaN);
  const about = { status, requestId, retryAfter: seconds >= 0 ? seconds : undefined };
  let body: { detail?: unknown; code?: unknown } | null;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (typeof body !== 'object' || body === null || !body.detail) {
    const code = CODES[status] ?? 'invalid_answer';
    return new JimsApiError(`HTTP ${status}`, { code, ...about });
  }
  const { detail, code } = body;
  return new JimsApiError(detailText(detail), {
    code: typeof code === 'string' ? code : (CODES[status] ?? `http_${status}`),
    ...about,
  });
}

/** A sentence, or a list of what is wrong with a request. */
function detailText(detail: unknown): string {
  if (!Array.isArray(detail)) return String(detail);
  return detail.map(({ loc, msg }) => `${[loc].flat().join('.')}: ${msg}`).join('; ');
}

function networkError(cause: unknown, message = 'The service cannot be reached'): JimsApiError {
  return new JimsApiError(message, { code: 'network', cause });
}

export function asJimsApiError(error: unknown): JimsApiError {
  return error instanceof JimsApiError ? error : networkError(error);
}
