import { createHash } from 'node:crypto';

import { JimsError, MAX_MESSAGE_FILES, isJimsError } from 'jims-core';
import type { FileRecord, JimsApp, MessageFile, NewEvent, RunThread } from 'jims-core';

import { HttpError } from '../http/errors.ts';
import { bytesOf, nameOf, sizeOf } from './sent-files.ts';
import type { InlineFile, SentFile } from './sent-files.ts';

/** So many files of earlier messages a thread begins with. */
const MAX_EARLIER_FILES = 100;

/** Files of messages that are to be stored with a run. */
export interface FilesToTake {
  /** Those of the new message. */
  readonly ofMessage: readonly SentFile[];
  /** Those of the events that the thread begins with, by the event. */
  readonly ofEvents: ReadonlyMap<string, readonly SentFile[]>;
  /** Files that may be the same as some of these: those of the message that is sent again. */
  readonly replacedFiles: readonly string[];
}

/** The files of one request: those that are sent in it are stored, each once. */
export class MessageUploads {
  readonly #app: JimsApp;
  readonly #taken = new Map<SentFile, MessageFile>();
  /** What was stored for the message. */
  readonly #uploaded = new Set<string>();

  /** @param sent The files of the new message. */
  constructor(app: JimsApp, sent: readonly SentFile[]) {
    this.#app = app;
    for (const file of sent) if ('fileId' in file && file.isNew) this.#uploaded.add(file.fileId);
  }

  /**
   * Stores the files that are sent, and finds the others. Gives the ids of all, each once. Of earlier
   * messages the newest {@link MAX_EARLIER_FILES} are taken, without those that would be refused: their
   * clients send them with every message.
   *
   * @throws HttpError 422 for too many files or wrong base64; JimsError `file_not_found` for a file of
   * somebody else; as `AppFiles.upload`.
   */
  async take(
    thread: RunThread,
    { ofMessage, ofEvents, replacedFiles }: FilesToTake,
  ): Promise<readonly string[]> {
    if (ofMessage.length > MAX_MESSAGE_FILES) throw tooMany(ofMessage.length);
    const earlier = [...ofEvents.values()].flat().slice(-MAX_EARLIER_FILES);
    const wanted = [...ofMessage, ...earlier];
    const ids = wanted.flatMap((file) => ('fileId' in file ? file.fileId : []));
    const contactId = await this.#contactOf(thread);
    const known = await this.#app.files.find([...new Set([...ids, ...replacedFiles])]);
    const own = known.filter((record) => record.contactId === contactId);
    const replaced = own.filter(({ fileId }) => replacedFiles.includes(fileId));
    const owner = { contactId, own, replaced };
    // All of them are looked at before one is stored.
    for (const file of ofMessage) {
      if ('fileId' in file) requireRecord(file.fileId, own);
      else await sizeOf(file);
    }
    for (const file of ofMessage) await this.#take(file, owner);
    for (const file of earlier) await this.#take(file, owner).catch(ignoreRefusal);
    return [...new Set(wanted.flatMap((file) => this.#taken.get(file)?.file_id ?? []))];
  }

  /** The event with the files that it names, each once. */
  withFiles(event: NewEvent, sent: readonly SentFile[] | undefined): NewEvent {
    const taken = sent?.flatMap((file) => this.#taken.get(file) ?? []) ?? [];
    const files = [...new Map(taken.map((file) => [file.file_id, file])).values()];
    return files.length === 0 ? event : { ...event, data: { ...event.data, files } };
  }

  /**
   * The message was refused: removes what was stored for it. When it is not known whether it was
   * accepted, the files stay; those that no message names are removed later.
   */
  async discard(error: unknown): Promise<void> {
    const isRefused = error instanceof HttpError || (isJimsError(error) && !isDoubtful(error));
    if (!isRefused) return;
    await this.forget();
  }

  /** Removes what was stored: no message names it. */
  async forget(): Promise<void> {
    if (this.#uploaded.size === 0) return;
    const ids = [...this.#uploaded];
    this.#uploaded.clear();
    // What cannot be removed now is named by nothing, so it is removed later.
    await Promise.allSettled(ids.map((id) => this.#app.files.delete(id)));
  }

  async #take(file: SentFile, owner: Owner): Promise<void> {
    if (this.#taken.has(file)) return;
    const record =
      'fileId' in file
        ? requireRecord(file.fileId, owner.own)
        : await this.#same(file, await sizeOf(file), owner);
    const { fileId, name, mediaType, size } = record;
    this.#taken.set(file, { file_id: fileId, name, media_type: mediaType, size });
  }

  /** The file that has the same name and bytes among those of the replaced message, or a new one. */
  async #same(file: InlineFile, size: number, owner: Owner): Promise<FileRecord> {
    const { contactId, replaced } = owner;
    const same = await sameAs(file, size, replaced);
    return same ?? this.#upload(file, { contactId, size });
  }

  async #upload(
    file: InlineFile,
    { contactId, size }: { readonly contactId: string; readonly size: number },
  ): Promise<FileRecord> {
    const record = await this.#app.files.upload({
      contactId,
      name: nameOf(file),
      size,
      content: bytesOf(file),
      ...(file.mediaType !== undefined && { mediaType: file.mediaType }),
    });
    this.#uploaded.add(record.fileId);
    return record;
  }

  async #contactOf(target: RunThread): Promise<string> {
    if (target.kind !== 'thread' || target.contactId !== undefined) return target.contactId ?? '';
    const { thread } = await this.#app.threads.get(target.threadId);
    const { contactId } = thread;
    if (contactId !== undefined) return contactId;
    const reason = 'The thread has no contact, whose the files could be: start a thread with one';
    throw new HttpError(422, reason, { code: 'files_need_contact' });
  }
}

/** Whose files they are, and those of them that a request may mean. */
interface Owner {
  readonly contactId: string;
  readonly own: readonly FileRecord[];
  readonly replaced: readonly FileRecord[];
}

function requireRecord(fileId: string, own: readonly FileRecord[]): FileRecord {
  const record = own.find((each) => each.fileId === fileId);
  if (record) return record;
  throw new JimsError('file_not_found', 'A file of the message is unknown: upload it again');
}

const REFUSED: ReadonlySet<unknown> = new Set([
  'file_not_found',
  'file_not_base64',
  'file_refused',
  'file_too_large',
  'too_many_files',
]);

function ignoreRefusal(error: unknown): void {
  const code = isJimsError(error) || error instanceof HttpError ? error.code : undefined;
  if (!REFUSED.has(code)) throw error;
}

/** Whether the run may have been accepted all the same. */
function isDoubtful({ code }: JimsError): boolean {
  return code === 'store_unavailable';
}

/** The file among these that has the same name and bytes. */
async function sameAs(
  file: InlineFile,
  size: number,
  replaced: readonly FileRecord[],
): Promise<FileRecord | undefined> {
  const alike = replaced.filter((each) => each.size === size && each.name === nameOf(file));
  if (alike.length === 0) return undefined;
  const hash = createHash('sha256');
  for await (const piece of bytesOf(file)) hash.update(piece);
  const digest = hash.digest('hex');
  return alike.find((each) => each.digest === digest);
}

function tooMany(count: number): HttpError {
  return new HttpError(422, `A message may have ${MAX_MESSAGE_FILES} files, not ${count}`, {
    code: 'too_many_message_files',
  });
}
