import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

/** A file for browsers. */
export interface Asset {
  /** Its media type. */
  readonly type: string;
  readonly body: string;
}

/**
 * The files that a server sends, by name. Published, they are in this module; from the sources they are bundled by
 * the first call.
 */
export function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  assets ??= bundle();
  return assets;
}

let assets: Promise<ReadonlyMap<string, Asset>> | undefined;

async function bundle(): Promise<ReadonlyMap<string, Asset>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('widget.ts', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    conditions: ['@jims/source'],
    loader: { '.css': 'text' },
  });
  const type = 'text/javascript; charset=utf-8';
  return new Map(outputFiles.map(({ text }) => ['widget.js', { type, body: text }]));
}
