import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

/** A file for browsers. */
export interface Asset {
  /** Its media type. */
  readonly type: string;
  readonly body: string;
}

/**
 * The files that a server sends, by name: `index.html` for `/`, the others for `/playground/`. Published, they
 * are in this module; from the sources they are bundled by the first call.
 *
 * @example
 * const { body, type } = (await readAssets()).get('page.js') ?? {};
 */
export function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  assets ??= bundle();
  return assets;
}

let assets: Promise<ReadonlyMap<string, Asset>> | undefined;

async function bundle(): Promise<ReadonlyMap<string, Asset>> {
  const options = { bundle: true, write: false, minify: true, target: 'es2023' } as const;
  const [index, script, style] = await Promise.all([
    readFile(new URL('index.html', import.meta.url), 'utf8'),
    build({
      ...options,
      entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
      format: 'esm',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      conditions: ['@jims/source'],
      loader: { '.css': 'text' },
    }),
    build({ ...options, entryPoints: [fileURLToPath(new URL('page.css', import.meta.url))] }),
  ]);
  return new Map([
    ['index.html', { type: 'text/html; charset=utf-8', body: index }],
    ['page.js', { type: 'text/javascript; charset=utf-8', body: textOf(script.outputFiles) }],
    ['page.css', { type: 'text/css; charset=utf-8', body: textOf(style.outputFiles) }],
  ]);
}

function textOf(files: readonly { readonly text: string }[]): string {
  return files.map(({ text }) => text).join('');
}
