import { hash } from 'node:crypto';

import { readText } from './read-text.ts';

const STYLE = readText('page.css');
const SCRIPT = ['main.js', 'menu.js', 'schemas.js', 'operations.js', 'try-it.js']
  .map(readText)
  .join('\n');

/** The documentation for people: one page that needs nothing but `openapi.json` beside it. */
export const DOCS_PAGE: string = readText('page.html')
  .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${STYLE}</style>`)
  .replace(/<script src=[^]*<\/script>/, () => `<script>${SCRIPT}</script>`);

/** Nothing runs or loads but what stands in the page itself. */
export const DOCS_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `script-src '${source(SCRIPT)}'`,
    `style-src '${source(STYLE)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

function source(content: string): string {
  return `sha256-${hash('sha256', content, 'base64')}`;
}
