import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The text of a `.sql` file of this folder, by its name without the ending.
 *
 * `step-N.sql` are released steps of the migration, never edited, not even in a comment. The tables and
 * indexes of step 1 are live; its functions are replaced by those of the other files (see functions.ts).
 *
 * `npm run build` puts a module that has all these texts in it in the place of this one: a bundler
 * follows imports alone, and would leave a file out that is read at run time.
 */
export function readSql(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.sql`), 'utf8');
}
