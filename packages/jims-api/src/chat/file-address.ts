import { originOrPublicUrl } from '../http/public-address.ts';
import type { ApiContext, Call } from '../http/route.ts';

/** The address where a file of a message is downloaded, by its id. The caller's key is needed there. */
export type FileAddress = (fileId: string) => string;

/** Whole addresses of files: for clients that know only what they are sent, such as other agents. */
export function fileAddress(
  api: Pick<ApiContext, 'publicUrl'>,
  call: Pick<Call, 'request'>,
): FileAddress {
  const base = originOrPublicUrl(api, call.request);
  return (fileId) => `${base}/api/v1/files/${fileId}`;
}
