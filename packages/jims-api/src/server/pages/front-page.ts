import { hash } from 'node:crypto';

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto 0;padding:0 1.5rem}
h1{font-size:1.5rem;line-height:1.3}
a{color:light-dark(#3451c7,#91a7ff)}
li{margin:.25rem 0}`;

/** What a person finds who opens the address of a service that has no playground. */
export const FRONT_PAGE: string = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>JIMS</title>
<style>${STYLE}</style>
<main>
<h1>A JIMS service is running here</h1>
<p>It answers chat messages over HTTP.</p>
<ul>
<li><a href="docs">Its API, to read and to try</a></li>
<li><a href="openapi.json">The same as an OpenAPI document</a></li>
</ul>
</main>
</html>
`;

export const FRONT_PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
