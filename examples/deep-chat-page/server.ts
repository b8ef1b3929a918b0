// Deep Chat on a plain page, without a build and without a CDN:
//
//   node examples/deep-chat-page/server.ts        and open http://127.0.0.1:3000
import { readFile } from 'node:fs/promises';

import type { JimsApp } from 'jims-core';

import { servePage } from '../page-server.ts';
import type { PageServer } from '../page-server.ts';
import { app } from '../tour-guide/app.ts';

/** Serves the page, with an app behind it. */
export async function serveDeepChatPage(behind: JimsApp, port: number): Promise<PageServer> {
  const page = new URL('index.html', import.meta.url);
  const bundle = new URL('deepChat.bundle.js', import.meta.resolve('deep-chat'));
  const files = {
    '/': { type: 'text/html', body: await readFile(page, 'utf8') },
    '/deep-chat.js': { type: 'text/javascript', body: await readFile(bundle, 'utf8') },
  } as const;
  return servePage(behind, files, port);
}

if (import.meta.main) {
  const { origin } = await serveDeepChatPage(app, Number(process.env['PORT'] ?? 3000));
  console.log(`Deep Chat: ${origin}`);
}
