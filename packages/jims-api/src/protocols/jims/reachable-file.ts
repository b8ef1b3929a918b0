import type { FileRecord } from 'jims-core';

import { contactInQuery, mayReach } from '../../http/contact.ts';
import { notFound } from '../../http/errors.ts';
import { inPath } from '../../http/parameters.ts';
import { uuidInPath } from '../../http/query.ts';
import type { ApiContext, Call, Parameter } from '../../http/route.ts';

export const FILE_ID: Parameter = inPath('file_id', 'The file');

/** @throws HttpError 404 for a file that is unknown, or that the caller may not reach. */
export async function reachableFile(api: ApiContext, call: Call): Promise<FileRecord> {
  const fileId = uuidInPath(call, 'file_id');
  const named = contactInQuery(call);
  const [record] = await api.app.files.find([fileId]);
  if (record && mayReach(api, call, record, named)) return record;
  throw notFound(`File '${fileId}' not found`);
}
