import { fileURLToPath } from 'node:url';

import { JimsError } from '../errors/jims-error.ts';
import type { FileStore } from './file-store.ts';

/**
 * Opens a place for files that is not with the database: a folder, `file:///var/lib/jims/files`, which all
 * processes must share, or a bucket of an S3-compatible service,
 * `s3://BUCKET/PREFIX?region=eu-central-1&endpoint=https://minio.example`. Its keys are those of the
 * usual variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; they may name the
 * region and the endpoint, too (`AWS_REGION`, `AWS_ENDPOINT_URL_S3`).
 *
 * @throws JimsError `store_invalid` for a URL that names no such place, or when the package for S3 is missing.
 * @example
 * await using files = await openFileStore('s3://chat-files?region=eu-central-1');
 */
export async function openFileStore(url: string): Promise<FileStore> {
  const address = URL.parse(url);
  if (address?.protocol === 'file:') {
    const { DirectoryFileStore } = await import('./files/directory-file-store.ts');
    return new DirectoryFileStore(folderOf(address));
  }
  if (address?.protocol === 's3:') {
    const { openS3FileStore } = await import('./files/s3-file-store.ts');
    return openS3FileStore(address, process.env);
  }
  throw new JimsError(
    'store_invalid',
    'Cannot tell where to keep files: use file:///FOLDER or s3://BUCKET/PREFIX?region=REGION',
  );
}

function folderOf(address: URL): string {
  try {
    return fileURLToPath(address);
  } catch (cause) {
    const reason =
      'Cannot tell which folder is meant for files: write file:///absolute/folder, with three slashes';
    throw new JimsError('store_invalid', reason, { cause });
  }
}
