import { connectionLost } from './errors.ts';
import type { Transport } from './transport.ts';
import type { StoredFile } from './wire.ts';

/** What is used of it where there is one: in browsers and their workers, and in React Native. */
interface Xhr {
  readonly status: number;
  readonly responseText: string;
  readonly upload: {
    readonly addEventListener: (
      type: 'progress',
      listener: (event: { readonly loaded: number; readonly total: number }) => void,
    ) => void;
  };
  readonly addEventListener: (type: 'loadend', listener: () => void) => void;
  readonly open: (method: string, url: string) => void;
  readonly setRequestHeader: (name: string, value: string) => void;
  send(body: unknown): void;
  readonly abort: () => void;
}

const { XMLHttpRequest: Request }: { readonly XMLHttpRequest?: new () => Xhr } & typeof globalThis =
  globalThis;

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
  return 'name' in file ? String(file.name) : 'file';
}

/** Stores a file, for a message to name it. @throws JimsApiError */
export async function uploadFile(
  transport: Transport,
  file: Blob,
  { name = nameOf(file), contactId, signal, onProgress = () => {} }: UploadOptions = {},
): Promise<StoredFile> {
  const stored = await transport.json<StoredFile>('/api/v1/files', {
    query: { name, contact_id: contactId },
    body: file,
    signal,
    fetch:
      Request && !transport.options.fetch
        ? (url, init) => sendByXhr(new Request(), url, init, onProgress)
        : undefined,
  });
  onProgress(1);
  return stored;
}

/** `fetch` does not say how much of a body is sent. */
function sendByXhr(
  xhr: Xhr,
  url: string,
  { headers, body, signal }: RequestInit,
  onProgress: (progress: number) => void,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    xhr.open('POST', url);
    for (const [name, value] of new Headers(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener('progress', ({ loaded, total }) =>
      onProgress(loaded / (total || 1)),
    );
    xhr.addEventListener('loadend', () => {
      const { status, responseText } = xhr;
      // A response that is made of a string would be plain text.
      if (status) resolve(new Response(new Blob([responseText]), { status }));
      else reject(connectionLost());
    });
    signal?.addEventListener('abort', () => xhr.abort());
    xhr.send(body);
  });
}
