// The last part of npm run build: what is published has the SQL of the PostgreSQL store, and the
// documentation page, in modules. tsc copies neither, and a bundler would not find files that are read at
// run time.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A module that reads the texts of its folder, and that the build replaces by one that has them. */
interface Reader {
  readonly packageName: string;
  /** Without its ending. */
  readonly module: string;
  /** What the module exports: it takes a name, and returns a string. */
  readonly functionName: string;
  readonly files: RegExp;
  readonly nameOf: (file: string) => string;
}

inline({
  packageName: 'jims-core',
  module: 'store/postgres/sql/read-sql',
  functionName: 'readSql',
  files: /\.sql$/,
  nameOf: (file) => basename(file, '.sql'),
});
inline({
  packageName: 'jims-api',
  module: 'server/docs/read-text',
  functionName: 'readText',
  files: /\.(?:css|html|js)$/,
  nameOf: (file) => file,
});

function inline({ packageName, module, functionName, files, nameOf }: Reader): void {
  const root = fileURLToPath(new URL(`../packages/${packageName}`, import.meta.url));
  const folder = dirname(join(root, 'src', module));
  const texts = readdirSync(folder)
    .filter((file) => files.test(file))
    .map((file) => [nameOf(file), readFileSync(join(folder, file), 'utf8')]);
  writeFileSync(
    join(root, 'dist', `${module}.js`),
    `const TEXTS = ${JSON.stringify(Object.fromEntries(texts), undefined, 2)};

export function ${functionName}(name) {
  return TEXTS[name];
}
`,
  );
  // It is about the module that was here.
  rmSync(join(root, 'dist', `${module}.js.map`));
}
