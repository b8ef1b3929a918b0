// Files in the content of AG-UI's messages.
import type { JsonObject } from 'jims-core';

import { fileAt, inlineFile, readable, storedFile } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { isJsonObject } from '../../http/json-object.ts';

const MEDIA: ReadonlySet<unknown> = new Set(['image', 'audio', 'video', 'document', 'binary']);
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
