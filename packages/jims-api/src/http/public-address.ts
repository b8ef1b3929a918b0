/** The http(s) address of a service, no slash at its end; `undefined` for a text that is none. */
export function publicAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) return undefined;
  return url.href.replace(/\/+$/, '');
}
