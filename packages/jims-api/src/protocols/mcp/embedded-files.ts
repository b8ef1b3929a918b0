// Files of an answer that are in the result itself, as a model looks at what is there, and opens no links.
import type { FileRecord, NewEvent } from 'jims-core';

import { filesOf } from '../../chat/message-members.ts';
import { assistantText } from '../../chat/messages.ts';
import { contactInQuery, mayReach } from '../../http/contact.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { bytesOf, contentsOf, isText } from './resources.ts';

/** Of all files of a result: some hosts refuse a result of a megabyte, and base64 takes a third more. */
const MAX_BYTES = 512 * 1024;
const MAX_FILES = 50;
/** Those that models see. */
const IMAGE = /^image\/(?:png|jpeg|gif|webp)$/;
const AUDIO = /^audio\//;

export type EmbeddedContent =
  | { readonly type: 'image' | 'audio'; readonly data: string; readonly mimeType: string }
  | { readonly type: 'resource'; readonly resource: object };

/** Files with their bytes, by id. */
export type Embedded = ReadonlyMap<string, { readonly mediaType: string; readonly bytes: Buffer }>;

/** Reads the files that the messages of the assistant have, as many as a result may hold. */
export type Embed = (events: readonly NewEvent[]) => Promise<Embedded>;

const NONE: Embedded = new Map();

/** As the caller of a request may have them. A file that cannot be read stays a link. */
export function embedFor(api: ApiContext, call: Call): Embed {
  return async (events) => {
    const ids = events
      .filter((event) => assistantText(event) !== undefined)
      .flatMap(filesOf)
      .map(({ file_id: id }) => id);
    if (ids.length === 0) return NONE;
    const some = [...new Set(ids)].slice(0, MAX_FILES);
    const records = await api.app.files.find(some).catch(() => []);
    const named = contactInQuery(call);
    const read = fitting(records.filter((record) => mayReach(api, call, record, named))).map(
      async (record) => {
        const bytes = await bytesOf(api, record).catch(() => undefined);
        return bytes ? [[record.fileId, { mediaType: record.mediaType, bytes }] as const] : [];
      },
    );
    return new Map((await Promise.all(read)).flat());
  };
}

/** A file as content of a result. */
export function embeddedContent(
  uri: string,
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Buffer },
): EmbeddedContent {
  if (isText(mediaType)) {
    return { type: 'resource', resource: contentsOf(uri, { mediaType }, bytes) };
  }
  const type = IMAGE.test(mediaType) ? 'image' : 'audio';
  return { type, data: bytes.toString('base64'), mimeType: mediaType };
}

function isEmbedded(mediaType: string): boolean {
  return IMAGE.test(mediaType) || AUDIO.test(mediaType) || isText(mediaType);
}

function fitting(records: readonly FileRecord[]): FileRecord[] {
  let left = MAX_BYTES;
  return records.filter(({ size, mediaType }) => {
    if (size > left || !isEmbedded(mediaType)) return false;
    left -= size;
    return true;
  });
}
