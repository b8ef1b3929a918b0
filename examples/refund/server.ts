// Refunds with an operator; README.md says what to try:
//
//   node examples/refund/payments.ts
//   node examples/refund/server.ts        and open http://127.0.0.1:3000 and …/operator
import { readFile } from 'node:fs/promises';

import { build } from 'esbuild';
import type { JimsApp } from 'jims-core';

import { servePage } from '../page-server.ts';
import type { PageFile, PageServer } from '../page-server.ts';
import { app } from './app.ts';

/** Serves the pages of customers and operators, with the app behind them. */
async function serveRefunds(behind: JimsApp, port: number): Promise<PageServer> {
  // Now, and not with the first request: what another process left undone goes on.
  await behind.open();
  const files: Record<string, PageFile> = {
    '/': await pageFile('customer.html', 'text/html'),
    '/operator': await pageFile('operator.html', 'text/html'),
    '/customer.js': await pageFile('customer.js', 'text/javascript'),
    '/operator.js': await pageFile('operator.js', 'text/javascript'),
    '/jims-client.js': { type: 'text/javascript', body: await clientBundle() },
    '/style.css': await pageFile('style.css', 'text/css'),
  };
  return servePage(behind, files, port);
}

async function pageFile(name: string, type: PageFile['type']): Promise<PageFile> {
  return { type, body: await readFile(new URL(`pages/${name}`, import.meta.url), 'utf8') };
}

/** The package `jims-client` as one module that a browser takes. */
async function clientBundle(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: "export * from 'jims-client';", resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    // In this repository there is no build of it.
    conditions: ['@jims/source'],
  });
  return outputFiles[0]?.text ?? '';
}

const { origin } = await serveRefunds(app, Number(process.env['PORT'] ?? 3000));
console.log(`Customers: ${origin}\nOperators: ${origin}/operator`);
