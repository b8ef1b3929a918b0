/** The http(s) address of a service, without a slash at its end; `undefined` when it is not valid. */
export function publicAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) return undefined;
  return url.href.replace(/\/+$/, '');
}

/** The public address; where it is not known, the one that a request was sent to. */
export function originOrPublicUrl(
  { publicUrl }: { readonly publicUrl: string | undefined },
  request: Request,
): string {
  return publicUrl ?? new URL(request.url).origin;
}

/** A path of the service as clients reach it: after the public address, when that is known. */
export function addressOf(
  { publicUrl }: { readonly publicUrl: string | undefined },
  path: string,
): string {
  return `${publicUrl ?? ''}${path}`;
}
