import type { Fetch, Transport } from './transport.ts';
import type { StoredFile } from './wire.ts';

/** What is used of it where there is one: in browsers and their workers, and in React Native. */
declare const XMLHttpRequest: (new () => Xhr) | undefined;

interface Xhr {
  readonly status: number;
  readonly responseText: string;
  readonly upload: {
    onprogress: ((event: { readonly loaded: number; readonly total: number }) => void) | null;
  };
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  readonly open: (method: string, url: string) => void;
  readonly setRequestHeader: (name: string, value: string) => void;
  readonly getResponseHeader: (name: string) => string | null;
  readonly send: (body: Blob | null) => void;
  readonly abort: () => void;
}

export interface UploadOptions {
  /** Default: the name of a `File`, else `file`. */
  readonly name?: string;
  readonly contactId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with a number from 0 to 1, where the runtime knows it: browsers do. */
  readonly onProgress?: (progress: number) => void;
}

/** The name of a file of a form; other blobs have none. */
export function nameOf(file: Blob): string {
  return 'name' in file && typeof file.name === 'string' ? file.name : 'file';
}

/** Stores a file, for a message to name it. @throws JimsApiError */
export async function uploadFile(
  transport: Transport,
  file: Blob,
  { name = nameOf(file), contactId, signal, onProgress = () => {} }: UploadOptions = {},
): Promise<StoredFile> {
  const Request = typeof XMLHttpRequest === 'function' ? XMLHttpRequest : undefined;
  const stored = await transport.json<StoredFile>('/api/v1/files', {
    query: { name, contact_id: contactId },
    headers: { 'content-type': file.type || 'application/octet-stream' },
    body: file,
    signal,
    fetch:
      Request && !transport.hasOwnFetch
        ? (url, init) => sendByXhr(new Request(), { url, init, onProgress })
        : undefined,
  });
  onProgress(1);
  return stored;
}

/** `fetch` does not say how much of a body is sent. */
function sendByXhr(
  request: Xhr,
  {
    url,
    init: { headers, body, signal },
    onProgress,
  }: {
    readonly url: string;
    readonly init: RequestInit;
    readonly onProgress: (progress: number) => void;
  },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    request.open('POST', url);
    for (const [name, value] of Object.entries({ ...headers })) {
      request.setRequestHeader(name, String(value));
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const answered = new Headers();
      for (const name of ['content-type', 'x-request-id', 'retry-after']) {
        const value = request.getResponseHeader(name);
        if (value !== null) answered.set(name, value);
      }
      const { status, responseText } = request;
      resolve(new Response(responseText, { status, headers: answered }));
    };
    request.onerror = request.onabort = () => reject(new TypeError('The upload broke off'));
    signal?.addEventListener('abort', () => request.abort());
    request.send(body instanceof Blob ? body : null);
  });
}
