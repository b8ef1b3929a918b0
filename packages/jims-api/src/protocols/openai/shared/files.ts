// Files in the content of OpenAI's messages, of Chat Completions and of Responses.
import type { JsonObject } from 'jims-core';

import { fileAt, inlineFile, readable, storedFile } from '../../../chat/sent-files.ts';
import type { SentFile } from '../../../chat/sent-files.ts';
import { isJsonObject } from '../../../http/json-object.ts';

/** Parts of a content that are files. */
const FILES: ReadonlySet<unknown> = new Set([
  'image_url',
  'input_audio',
  'file',
  'input_image',
  'input_file',
]);

/**
 * The files of a message's content.
 *
 * @param member The member of the body that has the message, for errors.
 * @throws HttpError 422 for a file without data, or at another address.
 */
export function contentFiles(content: unknown, member: string): SentFile[] {
  return filePartsOf(content).map((part) => toFile(part, member));
}

/** As {@link contentFiles}, of an earlier message: without those that cannot be read. */
export function earlierFiles(content: unknown): SentFile[] {
  return readable(filePartsOf(content), (part) => toFile(part, 'messages'));
}

function filePartsOf(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return [];
  return content.filter((part) => isJsonObject(part) && FILES.has(part['type']));
}

function toFile(part: JsonObject, member: string): SentFile {
  const { type } = part;
  const own = type === 'input_image' || type === 'input_file' ? part : part[String(type)];
  const { file_id: id, filename: name, ...data } = isJsonObject(own) ? own : {};
  const named = { member, name: typeof name === 'string' ? name : undefined };
  if (typeof id === 'string') return storedFile(id, member);
  switch (type) {
    case 'image_url':
      return fileAt(isJsonObject(own) ? data['url'] : own, named);
    case 'input_image':
      return fileAt(data['image_url'], named);
    case 'input_audio': {
      const mediaType = data['format'] === 'mp3' ? 'audio/mpeg' : `audio/${String(data['format'])}`;
      return inlineFile(data['data'], { ...named, mediaType });
    }
    default:
      return fileInData(data, named);
  }
}

/** `file_data` is a data URL, or base64 alone. */
function fileInData(
  { file_data: data, file_url: url }: JsonObject,
  named: { readonly member: string; readonly name: string | undefined },
): SentFile {
  if (data === undefined && url !== undefined) return fileAt(url, named);
  const isUrl = typeof data === 'string' && data.startsWith('data:');
  return isUrl ? fileAt(data, named) : inlineFile(data, named);
}
