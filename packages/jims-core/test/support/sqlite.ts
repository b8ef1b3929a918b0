import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file that does not exist yet, in a folder of its own; disposing removes the folder. */
export function freshSqlite(): Disposable & { readonly url: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'jims-test-'));
  const path = join(folder, 'test.db');
  return {
    url: `sqlite:///${path}`,
    path,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
