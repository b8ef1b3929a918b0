import type { FileRecord } from 'jims-core';
import * as v from 'valibot';

import { uuid } from '../../http/fastapi/fields.ts';

export const FileResource = v.pipe(
  v.object({
    file_id: v.pipe(uuid, v.description('Name it in `files` of a message')),
    contact_id: v.string(),
    thread_id: v.pipe(v.nullable(uuid), v.description('The thread whose message named it first')),
    name: v.string(),
    media_type: v.pipe(v.string(), v.description('Found out from its bytes')),
    size: v.pipe(v.number(), v.description('In bytes')),
    digest: v.pipe(v.string(), v.description('`sha256:`, and the digest in hex')),
    created_at: v.string(),
  }),
  v.title('File'),
);

/** A file as the API shows it. */
export function fileResource(record: FileRecord): v.InferOutput<typeof FileResource> {
  const { fileId, contactId, threadId, name, mediaType, size, digest, createdAt } = record;
  return {
    file_id: fileId,
    contact_id: contactId,
    thread_id: threadId ?? null,
    name,
    media_type: mediaType,
    size,
    digest: `sha256:${digest}`,
    created_at: createdAt,
  };
}
