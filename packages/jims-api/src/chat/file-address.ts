import { addressOf, originOrPublicUrl } from '../http/public-address.ts';
import type { ApiContext, Call } from '../http/route.ts';

type AddressOptions = Pick<ApiContext, 'publicUrl' | 'fileSignatures'>;

/** The address where a file of a message is downloaded, by its id. */
export type FileAddress = (fileId: string) => string;

/** Whole addresses of files: for clients that know only what they are sent, such as other agents. */
export function fileAddress(api: AddressOptions, { request }: Pick<Call, 'request'>): FileAddress {
  const base = originOrPublicUrl(api, request);
  return (fileId) => base + pathOf(api, fileId);
}

/** Addresses of files for a page, which knows better than the service how the service is reached. */
export function pageFileAddress(api: AddressOptions): FileAddress {
  return (fileId) => addressOf(api, pathOf(api, fileId));
}

function pathOf({ fileSignatures }: AddressOptions, fileId: string): string {
  const query = fileSignatures.sign(fileId)?.query;
  return `/api/v1/files/${fileId}${query === undefined ? '' : `?${query}`}`;
}
