import * as v from 'valibot';

import { pageFileAddress } from '../../chat/file-address.ts';
import { json } from '../../http/json-answer.ts';
import type { ApiContext, Call, RouteDoc } from '../../http/route.ts';
import { FILE_ID, reachableFile } from './reachable-file.ts';

export const fileAddressDoc: RouteDoc = {
  operationId: 'get_file_address',
  summary: 'An address of a file for a browser',
  description:
    'Pages can show it, or link to it: with `--file-address-key` it needs no key for a day. Without, it needs one as every address does, and `expires_at` is null.',
  tags: ['files'],
  parameters: [FILE_ID],
  responses: {
    200: {
      description: 'The address',
      schema: v.object({ url: v.string(), expires_at: v.nullable(v.string()) }),
    },
  },
  errors: [401, 404, 422, 503],
};

export async function getFileAddress(api: ApiContext, call: Call): Promise<Response> {
  const { fileId } = await reachableFile(api, call);
  const until = api.fileSignatures.sign(fileId)?.until.toISOString() ?? null;
  return json(call, { url: pageFileAddress(api)(fileId), expires_at: until });
}
