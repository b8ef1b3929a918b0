/** A page that shows the OpenAPI document. */
export function docsPage(url: string): string {
  return `<!doctype html><title>JIMS API</title><a href="${url}">openapi.json</a>`;
}
