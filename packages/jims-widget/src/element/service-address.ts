/** Where this module was loaded from: the service, when the page has its `widget.js`. */
export function serviceAddress(): string {
  const { origin } = new URL(import.meta.url);
  return origin === 'null' ? location.origin : origin;
}
