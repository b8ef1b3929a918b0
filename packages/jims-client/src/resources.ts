import type { CallOptions, Transport } from './transport.ts';
import { uploadFile } from './upload.ts';
import type { UploadOptions } from './upload.ts';
import type { Run, StoredFile } from './wire.ts';

/** The runs of a service. */
export class JimsRuns {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** With `wait` it answers when the run is over, or after so many seconds, at most 60. */
  get(
    runId: string,
    options: { readonly wait?: number; readonly include?: 'usage' } = {},
  ): Promise<Run> {
    return this.#transport.json(`/api/v1/runs/${runId}`, { query: { ...options } });
  }

  /** Stops a run; what was seen of its answer is kept. */
  cancel(runId: string): Promise<Run> {
    return this.#transport.json(`/api/v1/runs/${runId}/cancel`, { method: 'POST' });
  }

  /** What a run did; for services. */
  trace<T = unknown>(runId: string): Promise<T> {
    return this.#transport.json(`/api/v1/runs/${runId}/trace`);
  }
}

/** The files of a service. */
export class JimsFiles {
  readonly #transport: Transport;
  readonly #contactId: string | undefined;

  constructor(transport: Transport, contactId: string | undefined) {
    this.#transport = transport;
    this.#contactId = contactId;
  }

  /** Stores a file; a message names it by its `file_id`. */
  upload(file: Blob, options: UploadOptions = {}): Promise<StoredFile> {
    return uploadFile(this.#transport, file, { contactId: this.#contactId, ...options });
  }

  /** An address that a page can show or link to. */
  address(
    fileId: string,
    options: Pick<CallOptions, 'signal'> = {},
  ): Promise<{ readonly url: string; readonly expires_at: string | null }> {
    return this.#transport.json(`/api/v1/files/${fileId}/address`, options);
  }
}
