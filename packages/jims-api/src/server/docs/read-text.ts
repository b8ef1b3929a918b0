import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The text of a file of this folder.
 *
 * `npm run build` puts a module that has all these texts in it in the place of this one: a bundler
 * follows imports alone, and would leave a file out that is read at run time.
 */
export function readText(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}
