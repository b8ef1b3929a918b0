import { once } from 'node:events';
import { createServer } from 'node:http';

import { getRequestListener } from '@hono/node-server';
import axe from 'axe-core';
import { createApi } from 'jims-api';
import type { ApiOptions } from 'jims-api';
import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions, Pipeline } from 'jims-core';
import { readAssets } from 'jims-widget/assets';
import type { Page } from 'playwright-core';

/** What a careful page allows: documented in the README of the package. */
const POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' blob:; " +
  "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

const STYLE = `:root { color-scheme: light dark }
body { margin: 0; font-family: sans-serif }
jims-chat:not([mode='floating']) { block-size: 100dvh }`;

export interface WidgetPage extends AsyncDisposable {
  readonly app: JimsApp;
  readonly origin: string;
}

/** A page with the tag in its body, and the service of an app, from one origin. */
export async function serveWidget(
  behaviour: Pipeline | Pick<JimsAppOptions, 'pipeline' | 'conversationStartPipeline'>,
  body: string,
  options: ApiOptions = {},
): Promise<WidgetPage> {
  const pipelines = 'pipeline' in behaviour ? behaviour : { pipeline: behaviour };
  const app = defineApp({ ...pipelines, store: 'sqlite::memory:' });
  const api = createApi(app, { allowedHosts: [], ...options });
  const widget = (await readAssets()).get('widget.js');
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><script type="module" src="/widget.js"></script></head>
<body>${body}</body></html>`;
  const files = new Map([
    ['/', { type: 'text/html; charset=utf-8', body: html }],
    ['/favicon.ico', { type: 'image/x-icon', body: '' }],
    ['/style.css', { type: 'text/css', body: STYLE }],
    ['/widget.js', { type: widget?.type ?? '', body: widget?.body ?? '' }],
  ]);

  async function answer(request: Request): Promise<Response> {
    const file = files.get(new URL(request.url).pathname);
    if (!file) return api(request);
    const headers = { 'content-type': file.type, 'content-security-policy': POLICY };
    return new Response(file.body, { headers });
  }

  const listener = getRequestListener(answer);
  const server = createServer((request, response) => void listener(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The server has no port');
  return {
    app,
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await app.close();
    },
  };
}

/** What axe finds in the page, in light and in dark: nothing, it is to be hoped. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  // For axe alone: it is put into the page by the test.
  await session.send('Runtime.evaluate', { expression: axe.source });
  const faults: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // Nothing but the colours is different in the dark.
    const rules = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {};
    const options = JSON.stringify({ resultTypes: ['violations'], ...rules });
    const { result } = await session.send('Runtime.evaluate', {
      expression: `axe.run(document, ${options}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, any }) => [id, target.flat().join(' '), any[0]?.message].join(': '))))`,
      awaitPromise: true,
      returnByValue: true,
    });
    for (const fault of [result.value].flat()) faults.push(`${colorScheme}: ${String(fault)}`);
  }
  return faults;
}
