import type { FileRecord } from 'jims-core';
import * as v from 'valibot';

import { uuid } from '../../http/fastapi/fields.ts';
import { described, titled } from '../../http/schema.ts';

export const FileResource = titled('File', {
  file_id: described(uuid, 'Name it in `files` of a message'),
  contact_id: v.string(),
  thread_id: described(v.nullable(uuid), 'The thread whose message named it first'),
  name: v.string(),
  media_type: described(v.string(), 'Found out from its bytes'),
  size: described(v.number(), 'In bytes'),
  digest: described(v.string(), '`sha256:`, and the digest in hex'),
  created_at: v.string(),
});

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
