// Images and documents in the content of Anthropic's messages.
import type { JsonObject } from 'jims-core';

import { contentText } from '../../chat/content-text.ts';
import { fileAt, inlineFile, readable, storedFile } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { fieldError } from '../../http/fastapi/validation.ts';
import { isJsonObject } from '../../http/json-object.ts';

const FILES: ReadonlySet<unknown> = new Set(['image', 'document']);
const MEMBER = 'messages';

/**
 * The files of a message's content.
 *
 * @throws HttpError 422 for a file without data, or at another address.
 */
export function contentFiles(content: unknown): SentFile[] {
  return fileBlocksOf(content).map(toFile);
}

/** As {@link contentFiles}, of an earlier message: without those that cannot be read. */
export function earlierFiles(content: unknown): SentFile[] {
  return readable(fileBlocksOf(content), toFile);
}

function fileBlocksOf(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return [];
  return content.filter((block) => isJsonObject(block) && FILES.has(block['type']));
}

function toFile({ title, source }: JsonObject): SentFile {
  const { type, data, media_type, url, file_id, content } = isJsonObject(source) ? source : {};
  const name = typeof title === 'string' ? title : undefined;
  const mediaType = typeof media_type === 'string' ? media_type : undefined;
  const named = { member: MEMBER, name, mediaType };
  switch (type) {
    case 'base64':
      return inlineFile(data, named);
    case 'url':
      return fileAt(url, named);
    case 'file':
      return storedFile(file_id, MEMBER);
    case 'text':
      return textFile(data, name);
    case 'content':
      return textFile(contentText(content), name);
    default: {
      const reason = 'the source of a file must be base64, url, file, text or content';
      throw fieldError(MEMBER, source, reason);
    }
  }
}

function textFile(text: unknown, name: string | undefined): SentFile {
  const content = Buffer.from(typeof text === 'string' ? text : '');
  return { content, name: name ?? 'document.txt', mediaType: 'text/plain' };
}
