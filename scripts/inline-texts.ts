// The last part of npm run build: what is published has its texts in modules. tsc copies no files but its
// own, and a bundler would not find files that are read at run time.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TEXTS: ReadonlySet<string> = new Set(['.css', '.html', '.js']);

inline('jims-api', 'server/docs', 'readText');

/** Puts a module with all texts of a folder in the place of its `read-text.js`. */
function inline(name: string, folder: string, functionName: string): void {
  const root = fileURLToPath(new URL(`../packages/${name}`, import.meta.url));
  const files = readdirSync(join(root, 'src', folder)).filter((file) => TEXTS.has(extname(file)));
  const texts = files.map((file) => [file, readFileSync(join(root, 'src', folder, file), 'utf8')]);
  const module = join(root, 'dist', folder, 'read-text.js');
  writeFileSync(
    module,
    `const TEXTS = ${JSON.stringify(Object.fromEntries(texts), undefined, 2)};

export function ${functionName}(name) {
  return TEXTS[name];
}
`,
  );
  // It is about the module that was here.
  rmSync(`${module}.map`);
}
