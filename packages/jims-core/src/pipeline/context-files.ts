import { createHash } from 'node:crypto';

import { JimsError, isJimsError } from '../errors/jims-error.ts';
import { FileBody } from '../files/file-body.ts';
import { fileName } from '../files/file-name.ts';
import { believedType, usualType } from '../files/media-type.ts';
import { messageFile } from '../files/stored-files.ts';
import type { StoredFiles } from '../files/stored-files.ts';
import type { FileRecord, NewFileRecord } from '../store/store.ts';
import { derivedId } from '../thread/derived-id.ts';
import type { MessageFile } from '../thread/message.ts';
import type { Thread } from '../thread/thread.ts';

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
  /** A file that a message of this thread names; it is looked for when it is read. */
  named(file: MessageFile): ThreadFile;
}

/** What a store says of an id that is there, among other things. */
const MAY_BE_BEGUN: ReadonlySet<string> = new Set(['invalid_event', 'store_unavailable']);

/** The files that belong to a thread, or to its contact. */
export class FilesOfThread implements ContextFiles {
  readonly #files: StoredFiles;
  readonly #thread: Pick<Thread, 'id' | 'contactId'>;

  constructor(files: StoredFiles, thread: Pick<Thread, 'id' | 'contactId'>) {
    this.#files = files;
    this.#thread = thread;
  }

  async save({ name, mediaType, data }: NewFile, messageId: string): Promise<MessageFile> {
    requireBytes({ name, data });
    // A pipeline that is executed again sends the same file again: it is the same one.
    const fileId = derivedId(messageId, `file/${name}/${await digestOf(data)}`);
    const [known] = await this.#files.find([fileId]);
    if (known) return messageFile(known);
    const file: NewFileRecord = {
      fileId,
      contactId: this.#thread.contactId ?? '',
      name: fileName(name),
      size: sizeOf(data),
      named: { threadId: this.#thread.id, eventId: messageId },
    };
    const declared = usualType(mediaType);
    try {
      return messageFile(await this.#write(file, data, declared));
    } catch (error) {
      if (isJimsError(error) && !MAY_BE_BEGUN.has(error.code)) throw error;
      // A process that died may have begun it: then the store refuses its id. One that goes on with the run, as
      // this one was taken for dead, may have written it.
      const [written] = await this.#files.find([fileId]);
      if (written) return messageFile(written);
      await this.#files.erase([fileId]);
      return messageFile(await this.#write(file, data, declared));
    }
  }

  async #write(
    file: NewFileRecord,
    data: NewFile['data'],
    declared: string | undefined,
  ): Promise<FileRecord> {
    const { maxFileBytes: maxBytes } = this.#files.limits;
    const body = await FileBody.begin(piecesOf(data), { maxBytes, size: sizeOf(data) });
    const typeOf = (): string => believedType({ ...body.result, declared, name: file.name });
    return this.#files.write(file, body, typeOf);
  }

  async open(fileId: string): Promise<ThreadFile> {
    return threadFile(messageFile(await this.#record(fileId)), () => this.#read(fileId));
  }

  named(file: MessageFile): ThreadFile {
    return threadFile(file, () => this.#read(file.file_id));
  }

  /** For the models: the bytes of a file, by its id. */
  readonly loadFile = async (fileId: string): Promise<Uint8Array> =>
    (await this.open(fileId)).bytes();

  async *#read(fileId: string): AsyncGenerator<Uint8Array, void, void> {
    yield* this.#files.read(await this.#record(fileId));
  }

  async #record(fileId: string): Promise<FileRecord> {
    const [record] = await this.#files.find([fileId]);
    const { id, contactId } = this.#thread;
    const isReached = record && (record.threadId === id || record.contactId === contactId);
    if (isReached) return record;
    throw new JimsError('file_not_found', `The file '${fileId}' is not a file of this thread`);
  }
}

/** @throws JimsError `invalid_event` for what is not a file, such as one whose data is a string. */
export function requireBytes({ name, data }: Pick<NewFile, 'name' | 'data'>): void {
  if (typeof name === 'string' && (data instanceof Blob || data instanceof Uint8Array)) return;
  throw new JimsError(
    'invalid_event',
    'A file needs a name, and a Uint8Array or a Blob as its data: of a string, Buffer.from(text)',
  );
}

function threadFile(
  { file_id: id, name, media_type: mediaType, size }: MessageFile,
  read: () => AsyncIterable<Uint8Array>,
): ThreadFile {
  const bytes = async (): Promise<Uint8Array> => Buffer.concat(await Array.fromAsync(read()));
  return {
    id,
    name,
    mediaType,
    size,
    bytes,
    text: async () => new TextDecoder().decode(await bytes()),
    stream: () => ReadableStream.from(read()),
  };
}

const PIECE_BYTES = 64 * 1024;

async function* piecesOf(data: Uint8Array | Blob): AsyncGenerator<Uint8Array> {
  if (data instanceof Blob) {
    yield* data.stream();
    return;
  }
  for (let start = 0; start < data.byteLength; start += PIECE_BYTES) {
    yield data.subarray(start, start + PIECE_BYTES);
  }
}

function sizeOf(data: NewFile['data']): number {
  return data instanceof Blob ? data.size : data.byteLength;
}

async function digestOf(data: Uint8Array | Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(data)) hash.update(piece);
  return hash.digest('hex');
}
