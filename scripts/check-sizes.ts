// A part of npm run check:package: what browsers load is small. Sizes are of minified code, compressed by brotli, as the
// service sends its pages.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

import { build } from 'esbuild';

interface Assets {
  readAssets(): Promise<ReadonlyMap<string, { readonly body: string }>>;
}

const KB = 1024;
const budgets = [
  ['jims-client', 8000, await clientSize()],
  ['jims-widget', 40_000, await assetsSize('jims-widget')],
  ['jims-playground', 150 * KB, await assetsSize('jims-playground')],
] as const;

for (const [name, budget, size] of budgets) {
  const isSmall = size < budget;
  console.log(`${isSmall ? 'ok' : 'TOO LARGE'}  ${name}: ${size} of ${budget} bytes`);
  if (!isSmall) process.exitCode = 1;
}

/** All of it, as in a page that uses everything. */
async function clientSize(): Promise<number> {
  const { outputFiles } = await build({
    stdin: {
      contents: "export { JimsClient } from 'jims-client';",
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['@jims/source'],
  });
  return sizeOf(outputFiles.map(({ text }) => text));
}

/** Each file on its own, as browsers load them. */
async function assetsSize(name: string): Promise<number> {
  const url = pathToFileURL(`packages/${name}/src/assets.ts`);
  const module: Assets = await import(url.href);
  return sizeOf([...(await module.readAssets()).values()].map(({ body }) => body));
}

function sizeOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + brotliCompressSync(text).length, 0);
}
