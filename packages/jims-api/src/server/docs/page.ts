import { hash } from 'node:crypto';

import { DOCS_SCRIPT } from './script.ts';
import { DOCS_STYLE } from './style.ts';

/** The documentation for people: one page that needs nothing but `openapi.json` beside it. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>JIMS API</title>
<link rel="icon" href="data:,">
<style>${DOCS_STYLE}</style>
</head>
<body>
<header>
<h1>JIMS API</h1><span class="version"></span><a href="openapi.json">openapi.json</a>
<label>Key <input id="key" type="password" autocomplete="off" placeholder="API key"></label>
</header>
<div id="layout"><nav></nav><main><p class="message">Loading…</p></main></div>
<script>${DOCS_SCRIPT}</script>
</body>
</html>
`;

/** Nothing runs or loads but what stands in the page itself. */
export const DOCS_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `script-src '${source(DOCS_SCRIPT)}'`,
    `style-src '${source(DOCS_STYLE)}'`,
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
