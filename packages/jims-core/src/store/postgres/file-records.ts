import { cleanText } from '../../text/clean-text.ts';
import type { FileRecord, FileRecords } from '../file-records.ts';
import { READ_BYTES } from '../thread-store.ts';
import type { Database } from './database.ts';
import { areUuids, uuidOrNull } from './parameters.ts';
import { fromRow } from './rows.ts';
import type { Row } from './rows.ts';

/** A file as `jims.file_json` makes it. */
type FileRow = Row<FileRecord>;

/** What is known of files. */
export function fileRecords(db: Database): FileRecords {
  return {
    async beginFile({ fileId, contactId, name, size, named }, { maxContactBytes }) {
      const hasRoom = await db.call<boolean>('begin_file', {
        file_id: fileId,
        contact_id: contactId,
        name: cleanText(name),
        size,
        thread_id: named?.threadId,
        event_id: named?.eventId,
        max_bytes: maxContactBytes,
      });
      return hasRoom ? 'begun' : 'too_many_bytes';
    },

    async completeFile(fileId, { mediaType, size, digest }) {
      const row = await db.call<FileRow | null>('complete_file', {
        file_id: uuidOrNull(fileId),
        media_type: mediaType,
        size,
        digest,
      });
      return row ? toFile(row) : undefined;
    },

    async files(fileIds) {
      const rows = await db.query<{ file: FileRow }>(
        `select jims.file_json(f) as file from jims.files f
         where file_id = any ($1::uuid[]) and state = 'ready'
         order by created_at, file_id`,
        [known(fileIds)],
      );
      return rows.map(({ file }) => toFile(file));
    },

    async listFiles({ contactId, threadId, after, limit, maxBytes = READ_BYTES }) {
      if (!areUuids(threadId, after?.id)) return { files: [], more: false };
      const { items, more } = await db.listOf<FileRow>('list_files', {
        contact_id: contactId,
        thread_id: threadId,
        created_at: after?.createdAt,
        id: after?.id,
        limit,
        max_bytes: maxBytes,
      });
      return { files: items.map(toFile), more };
    },

    async dropFiles(fileIds) {
      await db.query(
        `update jims.files set state = 'erasing'
         where file_id = any ($1::uuid[]) and state <> 'erasing'`,
        [known(fileIds)],
      );
    },

    filesToErase: ({ unnamedMs, limit }) =>
      db.call<readonly string[]>('files_to_erase', { unnamed_ms: unnamedMs, limit }),

    async forgetFiles(fileIds) {
      await db.query(
        `delete from jims.files where file_id = any ($1::uuid[]) and state = 'erasing'`,
        [known(fileIds)],
      );
    },
  };
}

function known(fileIds: readonly string[]): readonly string[] {
  return fileIds.filter((id) => uuidOrNull(id) !== null);
}

function toFile(row: FileRow): FileRecord {
  return fromRow<FileRecord>(row);
}
