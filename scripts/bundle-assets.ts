// A part of npm run build: the packages with pages are published as one file each, and a server gets them
// from a module that holds them.
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface Assets {
  readonly readAssets: () => Promise<
    ReadonlyMap<string, { readonly type: string; readonly body: string }>
  >;
}

for (const name of ['jims-widget', 'jims-playground']) {
  const root = fileURLToPath(new URL(`../packages/${name}`, import.meta.url));
  const { readAssets }: Assets = await import(pathToFileURL(`${root}/src/assets.ts`).href);
  const assets = await readAssets();
  writeFileSync(
    `${root}/dist/assets.js`,
    `const ASSETS = new Map(${JSON.stringify([...assets], undefined, 2)});

export async function readAssets() {
  return ASSETS;
}
`,
  );
  // It is about the module that was here.
  rmSync(`${root}/dist/assets.js.map`);
  for (const [file, { body }] of assets) {
    if (file.endsWith('.js')) writeFileSync(`${root}/dist/${file}`, body);
  }
}
