// Files in the content of AG-UI's messages.
import type { JsonObject, MessageFile } from 'jims-core';

import type { FileAddress } from '../../chat/file-address.ts';
import { fileAt, inlineFile, readable, storedFile } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { isJsonObject } from '../../http/json-object.ts';

const MEDIA: ReadonlySet<unknown> = new Set(['image', 'audio', 'video', 'document', 'binary']);
/** Each has a part of its own; other files are documents. */
const KINDS: ReadonlySet<string> = new Set(['image', 'audio', 'video']);
const MEMBER = 'messages';

/** @throws HttpError 422 for a file without data, or at another address. */
export function contentFiles(content: unknown): SentFile[] {
  return filePartsOf(content).map(toFile);
}

/** As {@link contentFiles}, of an earlier message: without those that cannot be read. */
export function earlierFiles(content: unknown): SentFile[] {
  return readable(filePartsOf(content), toFile);
}

/** The parts of a content that are files. */
export function filePartsOf(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return [];
  return content.filter((part) => isJsonObject(part) && MEDIA.has(part['type']));
}

/** A file that the user has sent, as a part of a message. */
export function filePart(
  { file_id: id, name: filename, media_type: mimeType }: MessageFile,
  fileAddress: FileAddress,
): object {
  const [kind = ''] = mimeType.split('/', 1);
  const source = { type: 'url', value: fileAddress(id), mimeType };
  return { type: KINDS.has(kind) ? kind : 'document', source, metadata: { filename } };
}

/** `binary` is the form that clients before 1.0 send. */
function toFile(part: JsonObject): SentFile {
  const { metadata } = part;
  const name = textIn(isJsonObject(metadata) ? metadata['filename'] : part['filename']);
  if (part['type'] === 'binary') {
    const named = { member: MEMBER, name, mediaType: textIn(part['mimeType']) };
    const { data, url, id } = part;
    if (data !== undefined) return inlineFile(data, named);
    return url === undefined ? storedFile(id, MEMBER) : fileAt(url, named);
  }
  const source = isJsonObject(part['source']) ? part['source'] : {};
  const { type, value, mimeType } = source;
  const named = { member: MEMBER, name, mediaType: textIn(mimeType) };
  if (type === 'data') return inlineFile(value, named);
  return type === 'file' ? storedFile(value, MEMBER) : fileAt(value, named);
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
