// A React page on jims-client/react, with an answer that goes on when the page is loaded anew:
//
//   node examples/react-chat/server.ts        and open http://127.0.0.1:3000
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import type { JimsApp } from 'jims-core';

import { servePage } from '../page-server.ts';
import type { PageServer } from '../page-server.ts';
import { app } from '../tour-guide/app.ts';

/** Builds the page and serves it, with an app behind it. */
export async function serveReactChat(behind: JimsApp, port: number): Promise<PageServer> {
  const read = (name: string): Promise<string> =>
    readFile(new URL(`page/${name}`, import.meta.url), 'utf8');
  const files = {
    '/': { type: 'text/html', body: await read('index.html') },
    '/style.css': { type: 'text/css', body: await read('style.css') },
    '/main.js': { type: 'text/javascript', body: await bundle() },
  } as const;
  return servePage(behind, files, port);
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page/main.tsx', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    jsx: 'automatic',
    conditions: ['@jims/source'],
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return outputFiles[0]?.text ?? '';
}

if (import.meta.main) {
  const { origin } = await serveReactChat(app, Number(process.env['PORT'] ?? 3000));
  console.log(`React: ${origin}`);
}
