import { addressOf, originOrPublicUrl } from '../http/public-address.ts';
import type { ApiContext, Call } from '../http/route.ts';

/** The address where a file of a message is downloaded, by its id. */
export type FileAddress = (fileId: string) => string;

/** Whole addresses of files: for clients that know only what they are sent, such as other agents. */
export function fileAddress(
  api: Pick<ApiContext, 'publicUrl'>,
  { request }: Pick<Call, 'request'>,
): FileAddress {
  const base = originOrPublicUrl(api, request);
  return (fileId) => base + pathOf(fileId);
}

/** Addresses of files for a page, which knows better than the service how the service is reached. */
export function pageFileAddress(api: Pick<ApiContext, 'publicUrl'>): FileAddress {
  return (fileId) => addressOf(api, pathOf(fileId));
}

function pathOf(fileId: string): string {
  return `/api/v1/files/${fileId}`;
}
