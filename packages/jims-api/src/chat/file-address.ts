import { addressOf } from '../http/public-address.ts';
import type { ApiContext } from '../http/route.ts';

/** Gives the address of files, as clients reach them. */
export function fileAddressOf(api: Pick<ApiContext, 'publicUrl'>): (fileId: string) => string {
  return (fileId) => addressOf(api, `/api/v1/files/${fileId}`);
}
