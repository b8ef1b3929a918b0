// Files in the arguments of a tool call: the content blocks of MCP.
import type { JsonObject } from 'jims-core';

import { fileAt, inlineFile } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import { fieldError } from '../../http/fastapi/validation.ts';
import { isJsonObject } from '../../http/json-object.ts';

const MEMBER = 'files';
/** Of a longer one the beginning is looked at. */
const MAX_URI = 2000;

/** @throws HttpError 422 for a block that is not a file, or is at another address. */
export function fileInBlock(block: JsonObject): SentFile {
  const { type, data, resource } = block;
  const named = namedIn(block);
  if (type === 'image' || type === 'audio') return inlineFile(data, named);
  if (type === 'resource_link') return fileAt(block['uri'], named);
  if (type === 'resource' && isJsonObject(resource)) return fileInResource(resource);
  const reason = 'a file must be content of type image, audio, resource or resource_link';
  throw fieldError(MEMBER, block, reason);
}

function fileInResource(resource: JsonObject): SentFile {
  const named = namedIn(resource);
  const { text, blob } = resource;
  if (typeof text !== 'string') return inlineFile(blob, named);
  const file = inlineFile('', { ...named, mediaType: named.mediaType ?? 'text/plain' });
  return { ...file, content: Buffer.from(text) };
}

/** A block has no name as files have: the end of its address is the next best. */
function namedIn({ name, uri, mimeType }: JsonObject): {
  readonly member: string;
  readonly name: string | undefined;
  readonly mediaType: string | undefined;
} {
  const [path = ''] = typeof uri === 'string' ? uri.slice(0, MAX_URI).split(/[?#]/, 1) : [];
  const end = path.slice(path.lastIndexOf('/') + 1) || undefined;
  return {
    member: MEMBER,
    name: typeof name === 'string' ? name : end,
    mediaType: typeof mimeType === 'string' ? mimeType : undefined,
  };
}
