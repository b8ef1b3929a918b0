/** Longer headers name more than any client has. */
const MAX_HEADER = 4096;

/** Whether `If-None-Match` names a tag, which a proxy that compresses answers makes a weak one. */
export function namesTag(header: string | null, etag: string): boolean {
  const given = header?.slice(0, MAX_HEADER).split(',') ?? [];
  return given.some((each) => ['*', etag, `W/${etag}`].includes(each.trim()));
}
