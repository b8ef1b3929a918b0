import type { MessageFile } from '../thread/message.ts';

/** A file that is made by the app. */
export interface NewFile {
  readonly name: string;
  readonly mediaType: string;
  readonly data: Uint8Array | Blob;
}

/** A file of a thread, to be read. Its bytes are read when one of the methods is called. */
export interface ThreadFile {
  readonly id: string;
  readonly name: string;
  /** Such as `image/png`, found out from its bytes. */
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** @throws JimsError `file_gone` when its bytes are not there any more; `store_unavailable`. */
  bytes(): Promise<Uint8Array>;
  /** As UTF-8. */
  text(): Promise<string>;
  stream(): ReadableStream<Uint8Array>;
}

/** The files of a thread, for the context of its pipeline. */
export interface ContextFiles {
  /** Stores a file before the message of this id, which names it, is stored. */
  save(file: NewFile, messageId: string): Promise<MessageFile>;
  /** @throws JimsError `file_not_found` for one that is not of this thread or its contact. */
  open(fileId: string): Promise<ThreadFile>;
}
