// The last part of npm run build: what is published has the SQL of the PostgreSQL store in a module. tsc
// copies no .sql files, and a bundler would not find files that are read at run time.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const core = fileURLToPath(new URL('../packages/jims-core', import.meta.url));
const folder = 'store/postgres/sql';

const files = readdirSync(join(core, 'src', folder)).filter((name) => name.endsWith('.sql'));
const texts = files.map((name) => [
  basename(name, '.sql'),
  readFileSync(join(core, 'src', folder, name), 'utf8'),
]);
writeFileSync(
  join(core, 'dist', folder, 'read-sql.js'),
  `const TEXTS = ${JSON.stringify(Object.fromEntries(texts), undefined, 2)};

export function readSql(name) {
  return TEXTS[name];
}
`,
);
// It is about the module that was here.
rmSync(join(core, 'dist', folder, 'read-sql.js.map'));
