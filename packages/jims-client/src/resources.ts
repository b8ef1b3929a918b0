import { LONG_MS } from './open-answer.ts';
import { retried } from './transport.ts';
import type { CallOptions, Transport } from './transport.ts';
import { uploadFile } from './upload.ts';
import type { UploadOptions } from './upload.ts';
import type { Trace } from './wire-trace.ts';
import type { Run, StoredFile } from './wire.ts';

/** The runs of a service. */
export interface JimsRuns {
  /** With `wait` it answers when the run is over, or after so many seconds, at most 60. */
  readonly get: (
    runId: string,
    options?: { readonly wait?: number; readonly include?: 'usage' },
  ) => Promise<Run>;
  /** Stops a run; what was seen of its answer is kept. */
  readonly cancel: (runId: string) => Promise<Run>;
  /** Executes a durable run once more that failed for a reason that may be gone; for services. */
  readonly retry: (runId: string) => Promise<Run>;
  /** What a run did; for services. */
  readonly trace: (runId: string) => Promise<Trace>;
}

/** The files of a service. */
export interface JimsFiles {
  /** Stores a file; a message names it by its `file_id`. */
  readonly upload: (file: Blob, options?: UploadOptions) => Promise<StoredFile>;
  /** The bytes of a file. */
  readonly read: (fileId: string) => Promise<Blob>;
  /** An address that a page can show or link to. */
  readonly address: (fileId: string) => Promise<FileAddress>;
}

export interface FileAddress {
  /** Whole, when the client's `url` is. */
  readonly url: string;
  /** Null for an address that needs the token of the client. */
  readonly expires_at: string | null;
}

export function runsOf(transport: Transport, signal?: AbortSignal): JimsRuns {
  const call = <T>(path: string, options?: CallOptions): Promise<T> =>
    transport.json(`/api/v1/runs/${path}`, { signal, ...options });
  return {
    get: (runId, query) => call(runId, { query }),
    cancel: (runId) => call(`${runId}/cancel`, { method: 'POST' }),
    retry: (runId) => call(`${runId}/retry`, { method: 'POST' }),
    trace: (runId) => call(`${runId}/trace`),
  };
}

export function filesOf(transport: Transport): JimsFiles {
  const { contactId } = transport.options;
  return {
    upload: (file, options) => uploadFile(transport, file, { contactId, ...options }),
    read: (fileId) =>
      retried({}, async () => {
        const { response, watch, end } = await transport.open(`/api/v1/files/${fileId}`, {});
        watch(LONG_MS);
        try {
          return await response.blob();
        } finally {
          end();
        }
      }),
    async address(fileId) {
      const { url, ...rest } = await transport.json<FileAddress>(`/api/v1/files/${fileId}/address`);
      // It is whole when the service knows its public address.
      return { ...rest, url: url.startsWith('/') ? transport.address(url) : url };
    },
  };
}
